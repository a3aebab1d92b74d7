import Glibc
import Shared

/// Whole-file reads that never take more memory than a limit allows.
package enum BoundedFile {
    /// Room above the largest manifest that registries accept: 5 MiB.
    package static let manifestLimit = 5 << 20

    package enum ReadError: Error, Hashable {
        /// The value of `errno`.
        case system(Int32)
        /// A directory, a pipe or a device instead of the required regular file.
        case notRegular
        case tooLarge(limit: Int)

        /// The reason alone, for a sentence that names the file.
        package var reason: String {
            switch self {
            case .system(let code): String(cString: strerror(code))
            case .notRegular: "is not a regular file"
            case .tooLarge(let limit): "is larger than \(limit) bytes"
            }
        }
    }

    /// Reads a file from its beginning to its end.
    ///
    /// - Parameter requiresRegular: refuses everything but a regular file, and never waits for the writer of a pipe.
    package static func read(
        _ path: String, limit: Int, requiresRegular: Bool = false
    ) throws(ReadError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (requiresRegular ? O_NONBLOCK : 0))
        guard descriptor >= 0 else { throw .system(errno) }
        defer { close(descriptor) }
        if requiresRegular {
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { throw .system(errno) }
            guard status.st_mode & S_IFMT == S_IFREG else { throw .notRegular }
        }
        return try read(descriptor: descriptor, limit: limit)
    }

    /// Reads the rest of an open file.
    package static func read(descriptor: Int32, limit: Int) throws(ReadError) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: Swift.min(limit + 1, 1 << 16))
        while true {
            let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return bytes }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw .system(errno)
            }
            guard bytes.count + count <= limit else { throw .tooLarge(limit: limit) }
            bytes += buffer[..<count]
        }
    }

    /// Reads a file that a flag names.
    package static func read(_ path: String, limit: Int, flag: String) throws(UsageError) -> [UInt8] {
        do {
            return try read(path, limit: limit)
        } catch .tooLarge {
            throw UsageError("\(flag) '\(path)' is larger than \(limit) bytes")
        } catch {
            throw unreadable(path, flag: flag, reason: error.reason)
        }
    }

    /// Checks that a file that a flag names can be opened for reading.
    package static func requireReadable(_ path: String, flag: String) throws(UsageError) {
        guard access(path, R_OK) == 0 else {
            throw unreadable(path, flag: flag, reason: String(cString: strerror(errno)))
        }
    }

    private static func unreadable(_ path: String, flag: String, reason: String) -> UsageError {
        UsageError("\(flag) '\(path)' cannot be read (\(reason)): check the path and its permissions")
    }
}
