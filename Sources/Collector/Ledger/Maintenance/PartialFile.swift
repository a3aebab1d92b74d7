import CollectorSupport
import Glibc
import Shared

/// A database that is written beside its final path, and renamed into place when it is complete.
///
/// A lock on the file marks it as being written; files without one were left behind by killed processes, and are removed.
struct PartialFile: ~Copyable {
    /// The path to write to.
    let path: String
    private let descriptor: Int32
    private var isPublished = false

    /// The files that SQLite writes beside a database.
    static let companions = ["-wal", "-shm", "-journal"]

    /// Creates the file, for its owner alone.
    ///
    /// - Parameter base: the path beside which it is created, and beside which abandoned files are removed.
    init(beside base: String) throws(LedgerCopyError) {
        Self.removeAbandoned(beside: base)
        path = "\(base).\(Hexadecimal.encode([UInt8].random(4))).partial"
        descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure(base) }
        // SQLite locks with fcntl(2), which does not affect this lock.
        flock(descriptor, LOCK_EX | LOCK_NB)
    }

    deinit {
        if !isPublished { Self.remove(path) }
        close(descriptor)
    }

    /// Syncs the file and renames it into place.
    ///
    /// - Parameters:
    ///   - target: the final path, in the same folder.
    ///   - mode: permissions; group permissions are dropped if the group cannot be set.
    ///   - owner: nil to keep the process's user.
    ///   - replaces: true if a file at the final path is replaced.
    mutating func publish(
        as target: String, mode: mode_t, group: gid_t, owner: uid_t?, replaces: Bool
    ) throws(LedgerCopyError) {
        let owner = owner ?? uid_t.max
        let hasGroup = fchown(descriptor, owner, group) == 0
        guard fchmod(descriptor, hasGroup ? mode & 0o777 : mode & 0o700) == 0, fsync(descriptor) == 0 else {
            throw Self.failure(target)
        }
        if replaces {
            // SQLite would apply a log of the replaced file to the new one.
            for companion in Self.companions { unlink(target + companion) }
            guard rename(path, target) == 0 else { throw Self.failure(target) }
        } else {
            // Unlike rename, a link never replaces a file.
            guard link(path, target) == 0 || (Self.refusesLinks(errno) && Self.moveIfFree(path, target)) else {
                if errno == EEXIST { throw .exists(path: target) }
                throw Self.failure(target)
            }
            unlink(path)
        }
        isPublished = true
        Self.sync(folderOf: target)
    }

    private static func refusesLinks(_ code: Int32) -> Bool { [EPERM, ENOTSUP, EMLINK, ENOSYS].contains(code) }

    /// For file systems without hard links.
    private static func moveIfFree(_ path: String, _ target: String) -> Bool {
        var status = stat()
        guard lstat(target, &status) != 0 else {
            errno = EEXIST
            return false
        }
        return rename(path, target) == 0
    }

    /// Makes a rename durable. A file system that cannot sync a folder does so by itself.
    static func sync(folderOf path: String) {
        let folder = open(FilePath.folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return }
        fsync(folder)
        close(folder)
    }

    private static func remove(_ path: String) {
        for suffix in [""] + companions { unlink(path + suffix) }
    }

    private static func removeAbandoned(beside base: String) {
        let folder = FilePath.folder(of: base)
        let name = base.split(separator: "/").last.map(String.init) ?? base
        guard let entries = opendir(folder) else { return }
        defer { closedir(entries) }
        while let entry = readdir(entries) {
            let found = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard found.hasPrefix("\(name)."), found.hasSuffix(".partial"), found.utf8.count == name.utf8.count + 17
            else { continue }
            let path = "\(folder)/\(found)"
            let descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
            guard descriptor >= 0 else { continue }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { remove(path) }
            close(descriptor)
        }
    }

    /// The failure that `errno` holds.
    private static func failure(_ path: String) -> LedgerCopyError {
        switch errno {
        case ENOSPC, EDQUOT: .diskFull(path: path)
        case ENOENT, ENOTDIR: .missingFolder(path: path)
        case EISDIR: .isDirectory(path: path)
        case EIO: .failed(path: path, reason: String(cString: strerror(errno)))
        default: .notWritable(path: path, reason: String(cString: strerror(errno)))
        }
    }
}
