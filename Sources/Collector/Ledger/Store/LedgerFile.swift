import CollectorSupport
import Glibc
import Shared

/// The ledger's file before SQLite opens it: created for its owner alone, and checked to be a database.
package struct LedgerFile {
    private let path: String

    package init(path: String) {
        self.path = path
    }

    /// Creates the folder (0700) and the file (0600) if they are missing; SQLite gives its companion files the same mode.
    func prepare() throws(LedgerError) {
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

    /// Checks an existing file, and creates nothing.
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

    func makeFolder() throws(LedgerError) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: true).dropLast()
        var folder = path.hasPrefix("/") ? "" : "."
        for part in parts {
            folder += "/\(part)"
            if mkdir(folder, 0o700) == 0 || errno == EEXIST { continue }
            // A parent folder that cannot be created might still exist.
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

    /// The folder, if no file can be created in it; nil if it is writable.
    var lockedFolder: LockedFolder? {
        // Through a symbolic link: SQLite keeps its companion files beside the file itself.
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        let file = String(cString: resolved)
        guard access(FilePath.folder(of: file), W_OK) != 0 else { return nil }
        return LockedFolder(file: file)
    }

    /// A ledger in a folder in which no file can be created.
    struct LockedFolder {
        /// The ledger's path without symbolic links.
        fileprivate let file: String

        /// True if a log holds changes that the file lacks, or might hold some.
        var holdsLog: Bool {
            var status = stat()
            guard stat("\(file)-wal", &status) == 0 else { return errno != ENOENT }
            return status.st_size > 0
        }

        /// The URI that makes SQLite read the file alone, without locks and companion files. Source: SQLite, "Uniform Resource
        /// Identifiers".
        var immutableURI: String {
            let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/".utf8)
            let escaped = file.utf8.map { byte in
                plain.contains(byte) ? String(UnicodeScalar(byte)) : "%" + Hexadecimal.encode([byte])
            }
            return "file:\(escaped.joined())?immutable=1"
        }
    }
}

/// The place of the ledger: `--store`, else systemd's state directory, else the user's.
package enum LedgerPath {
    /// The ledger's path, or nil if no history is kept.
    ///
    /// A relative `$XDG_STATE_HOME` is ignored (XDG Base Directory Specification, "all paths must be absolute"). The first
    /// directory in `$STATE_DIRECTORY`, which systemd separates by colons, is used.
    ///
    /// - Parameter flag: the value of `--store`; `none` keeps no history.
    package static func resolve(flag: String?, environment: [String: String]) throws(LedgerError) -> String? {
        if let flag {
            guard !flag.isEmpty else { throw .emptyPath }
            return flag == "none" ? nil : flag
        }
        if let state = environment["STATE_DIRECTORY"]?.split(separator: ":").first {
            return "\(state)/ledger.db"
        }
        if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") {
            return "\(state)/buildinfo/ledger.db"
        }
        guard let home = environment["HOME"], home.hasPrefix("/") else { throw .noPlace }
        return "\(home)/.local/state/buildinfo/ledger.db"
    }
}
