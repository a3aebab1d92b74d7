import AgentCore
import Glibc

/// Reads small regular files without ever waiting for a pipe or filling memory.
enum SmallFile {
    /// The file's bytes, at most `limit`.
    static func read(_ path: String, limit: Int) -> Result<[UInt8], FileReadFailure> {
        open(path).flatMap { descriptor, _ in
            defer { close(descriptor) }
            return read(descriptor, limit: limit)
        }
    }

    /// Opens a regular file, for a caller that checks its permissions before ``read(_:limit:)`` and closes it.
    static func open(_ path: String) -> Result<(descriptor: Int32, status: stat), FileReadFailure> {
        // O_NONBLOCK: opening a FIFO must not wait for its writer.
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return .failure(failure(errno)) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let code = errno
            close(descriptor)
            return .failure(failure(code))
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            return .failure(.notRegular)
        }
        return .success((descriptor, status))
    }

    /// The bytes of an open file, at most `limit`.
    static func read(_ descriptor: Int32, limit: Int) -> Result<[UInt8], FileReadFailure> {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: min(limit + 1, 16_384))
        while bytes.count <= limit {
            let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return .failure(failure(errno)) }
            if count == 0 { return .success(bytes) }
            bytes += buffer[..<count]
        }
        return .failure(.tooLarge)
    }

    private static func failure(_ code: Int32) -> FileReadFailure {
        switch code {
        case ENOENT, ENOTDIR: .missing
        case EACCES, EPERM: .denied
        default: .other(errno: code)
        }
    }
}

extension FileReadFailure {
    /// The failure as a predicate of the file, with a remedy for the operator.
    ///
    /// - Parameters:
    ///   - limit: the permitted size in bytes.
    ///   - correction: how to name another file, for example "correct the path".
    func problem(limit: Int, correction: String) -> String {
        switch self {
        case .missing: "does not exist: create it, or \(correction)"
        case .denied: "cannot be read (permission denied): let the agent's user read it"
        case .notRegular: "is not a regular file: \(correction)"
        case .tooLarge: "is larger than \(limit / 1_024) KiB: is it the right file?"
        case .hanging, .noThread: "cannot be read: check its file system"
        case .other(let code): "cannot be read (errno \(code)): \(correction)"
        }
    }
}
