import Glibc
import Shared

/// The ledger's file before SQLite sees it: made for its owner alone, and not mistaken for one when it is something else.
package struct LedgerFile {
    package let path: String

    package init(path: String) {
        self.path = path
    }

    /// Makes the folder (0700) and the file (0600) where they are missing; SQLite gives its companions the file's mode.
    package func prepare() throws(LedgerError) {
        guard !path.isEmpty else { throw .emptyPath }
        try makeFolder()
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            if errno == EISDIR { throw .isDirectory(path: path) }
            throw unwritable()
        }
        defer { close(descriptor) }
        try inspect(descriptor)
    }

    /// Looks at what is there, without making anything.
    package func inspect() throws(LedgerError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { throw .absent(path: path) }
            throw .failed(path: path, reason: String(cString: strerror(errno)))
        }
        defer { close(descriptor) }
        try inspect(descriptor)
    }

    /// Source of the header: SQLite's file format, section 1.3.
    private func inspect(_ descriptor: Int32) throws(LedgerError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unwritable() }
        if status.st_mode & S_IFMT == S_IFDIR { throw .isDirectory(path: path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notADatabase(path: path) }
        guard status.st_size > 0 else { return }
        var header = [UInt8](repeating: 0, count: 16)
        let count = header.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        guard count >= 0 else { throw .failed(path: path, reason: String(cString: strerror(errno))) }
        guard count == 16, header == Array("SQLite format 3\0".utf8) else { throw .notADatabase(path: path) }
    }

    private func makeFolder() throws(LedgerError) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: true).dropLast()
        var folder = path.hasPrefix("/") ? "" : "."
        for part in parts {
            folder += "/\(part)"
            if mkdir(folder, 0o700) == 0 || errno == EEXIST { continue }
            // A folder on the way may be somebody else's, and there all the same.
            let reason = errno
            var status = stat()
            if stat(folder, &status) == 0 { continue }
            errno = reason
            throw unwritable()
        }
    }

    private func unwritable() -> LedgerError {
        switch errno {
        case ENOSPC, EDQUOT: .diskFull(path: path)
        case EIO, EMFILE, ENFILE: .failed(path: path, reason: String(cString: strerror(errno)))
        default: .notWritable(path: path, reason: String(cString: strerror(errno)))
        }
    }

    /// The folder, where nothing can be made in it; nil for one that can be written.
    var lockedFolder: LockedFolder? {
        // Through a symbolic link: SQLite keeps its companions beside the file itself.
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        let file = String(cString: resolved)
        let folder = file.lastIndex(of: "/").map { String(file[..<$0]) } ?? "."
        guard access(folder.isEmpty ? "/" : folder, W_OK) != 0 else { return nil }
        return LockedFolder(file: file)
    }

    /// A ledger in a folder where nothing can be made.
    struct LockedFolder {
        /// Without symbolic links.
        let file: String

        /// Whether a log holds changes that the file lacks, or may hold some.
        var holdsLog: Bool {
            var status = stat()
            guard stat("\(file)-wal", &status) == 0 else { return errno != ENOENT }
            return status.st_size > 0
        }

        /// Tells SQLite to read the file alone, without locks and companions. Source: SQLite, "Uniform Resource Identifiers".
        var immutableURI: String {
            let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/".utf8)
            let escaped = file.utf8.map { byte in
                plain.contains(byte) ? String(UnicodeScalar(byte)) : "%" + Hexadecimal.encode([byte])
            }
            return "file:\(escaped.joined())?immutable=1"
        }
    }
}
