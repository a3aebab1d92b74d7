import Glibc

/// Reads a kill switch's file, afresh each time.
enum KillSwitchFile {
    /// More than any word; what is larger is another file.
    static let limit = 4_096

    enum Content: Hashable {
        case text(String)
        /// There is no such file, and the folder that it would be in is there.
        case absent
        case unreadable(String)
    }

    static func read(_ path: String) -> Content {
        // Without waiting: a pipe that nobody writes to would hold the program.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { return missing(path, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return .unreadable(reason(errno)) }
        guard status.st_mode & S_IFMT == S_IFREG else { return .unreadable("is no regular file") }
        var bytes: [UInt8] = []
        while bytes.count <= limit {
            let (count, error) = withUnsafeTemporaryAllocation(byteCount: limit + 1, alignment: 1) { buffer in
                let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                if count > 0 { bytes += buffer.prefix(count) }
                return (count, errno)
            }
            if count == 0 {
                guard let text = String(validating: bytes, as: UTF8.self) else { return .unreadable("is not UTF-8") }
                return .text(text)
            }
            if count < 0, error != EINTR { return .unreadable(reason(error)) }
        }
        return .unreadable("is larger than \(limit) bytes")
    }

    /// Why a file could not be opened. It is absent only where its folder says so: a folder that is gone, or a link that
    /// leads nowhere, is a mistake or a disk that is not mounted.
    private static func missing(_ path: String, _ error: Int32) -> Content {
        guard error == ENOENT else { return .unreadable(reason(error)) }
        var status = stat()
        guard lstat(path, &status) != 0, errno == ENOENT else { return .unreadable("is a link that leads nowhere") }
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            return .unreadable("its folder is not there")
        }
        return .absent
    }

    private static func reason(_ error: Int32) -> String { String(cString: strerror(error)) }
}
