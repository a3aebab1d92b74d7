import AgentCore
import Glibc

/// Reads small regular files without ever waiting for a pipe or filling memory.
enum SmallFile {
    /// The file's bytes, at most `limit`.
    static func read(_ path: String, limit: Int) -> Result<[UInt8], FileReadFailure> {
        // O_NONBLOCK: opening a FIFO must not wait for its writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return .failure(failure(errno)) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return .failure(failure(errno)) }
        guard status.st_mode & S_IFMT == S_IFREG else { return .failure(.notRegular) }
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress?.advanced(by: count), buffer.count - count)
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { return .failure(failure(errno)) }
            if got == 0 { break }
            count += got
        }
        guard count <= limit else { return .failure(.tooLarge) }
        return .success(Array(bytes.prefix(count)))
    }

    private static func failure(_ code: Int32) -> FileReadFailure {
        switch code {
        case ENOENT, ENOTDIR: .missing
        case EACCES, EPERM: .denied
        default: .other(errno: code)
        }
    }
}
