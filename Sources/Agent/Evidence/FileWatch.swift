import Glibc
import Synchronization

/// Has the kernel tell when a file becomes another one: written, replaced by a rename, created, deleted, also where a
/// folder or a symbolic link on the way to it is replaced. Source: `inotify(7)`.
///
/// A file that was written to and stays open is told of a moment later, since it would be read half-written.
final class FileWatch: Sendable {
    /// When to look.
    enum Urgency: Hashable, Sendable {
        /// Nothing of this file.
        case none
        /// It is being written.
        case soon
        case now
    }

    /// What one watch is for.
    private enum Purpose: Hashable {
        case file
        /// A folder on the way, and the names in it that lead on.
        case folder(Set<String>)
    }

    /// Changes of names only: what happens inside a neighbour wakes nobody.
    private static let folderMask = UInt32(IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR)
    private static let fileMask = UInt32(IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)
    /// As many as the kernel follows. Source: `path_resolution(7)`.
    private static let linkLimit = 40

    private let path: String
    private let descriptor: Int32
    private let purposes = Mutex<[Int32: Purpose]>([:])

    /// nil where the kernel gives none: every user has a small number of them.
    init?(path: String) {
        self.path = path
        descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard descriptor >= 0 else { return nil }
    }

    deinit { close(descriptor) }

    /// Another descriptor of the same events, to be read and closed by the one who asked; nil where there is none left.
    func readingEnd() -> Int32? {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        return copy >= 0 ? copy : nil
    }

    /// Watches what leads to the file as it is now; to be called before each read of it, on a thread that may wait for the
    /// file system.
    ///
    /// Each folder is watched before the next name in it is looked up, so that nothing comes to be unseen in between.
    ///
    /// - Returns: whether every change will be told.
    func arm() -> Bool {
        var found: [Int32: Purpose] = [:]
        let isComplete = follow { folder, name in
            let watch = inotify_add_watch(descriptor, folder, Self.folderMask)
            guard watch >= 0 else { return false }
            if case .folder(let names) = found[watch] {
                found[watch] = .folder(names.union([name]))
            } else {
                found[watch] = .folder([name])
            }
            // Known before the next step: what happens from now on must not be taken for a stranger's.
            purposes.withLock { $0[watch] = found[watch] }
            return true
        } file: { file in
            let watch = inotify_add_watch(descriptor, file, Self.fileMask)
            guard watch >= 0 else { return errno == ENOENT }
            found[watch] = .file
            purposes.withLock { $0[watch] = .file }
            return true
        }
        let stale = purposes.withLock { purposes in
            let stale = purposes.keys.filter { found[$0] == nil }
            purposes = found
            return stale
        }
        for watch in stale { inotify_rm_watch(descriptor, watch) }
        return isComplete
    }

    /// What the events ask for.
    func urgency(of events: [InotifyEvent]) -> Urgency {
        let purposes = purposes.withLock { $0 }
        var urgency = Urgency.none
        for event in events {
            if event.mask & UInt32(IN_Q_OVERFLOW) != 0 { return .now }
            switch purposes[event.watch] {
            case nil: continue
            case .folder(let names): if names.contains(event.name) { return .now }
            case .file:
                guard event.mask & UInt32(IN_MODIFY) != 0 else { return .now }
                urgency = .soon
            }
        }
        return urgency
    }

    /// Goes from folder to folder as the kernel would, through symbolic links.
    private func follow(folder enter: (String, String) -> Bool, file finish: (String) -> Bool) -> Bool {
        var place = path.hasPrefix("/") ? "/" : "."
        var rest = Self.names(of: path)
        var links = 0
        while let name = rest.popLast() {
            guard enter(place, name) else { return false }
            let next = place == "/" ? "/\(name)" : "\(place)/\(name)"
            var status = stat()
            guard lstat(next, &status) == 0 else { return errno == ENOENT || errno == ENOTDIR }
            guard status.st_mode & S_IFMT == S_IFLNK else {
                place = next
                continue
            }
            links += 1
            guard links <= Self.linkLimit, let target = Self.target(of: next) else { return false }
            if target.hasPrefix("/") { place = "/" }
            rest += Self.names(of: target)
        }
        return finish(place)
    }

    /// The last one first.
    private static func names(of path: String) -> [String] {
        path.split(separator: "/" as Character).filter { $0 != "." }.map(String.init).reversed()
    }

    private static func target(of link: String) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink(link, &buffer, buffer.count)
        // As long as the buffer means that it was cut.
        guard length > 0, length < buffer.count else { return nil }
        return String(decoding: buffer.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
