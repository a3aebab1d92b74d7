import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// Watches a file with inotify: writes, renames over it, creation and deletion, also of folders and symbolic links on the
/// path to it. Source: `inotify(7)`.
///
/// A file that was written to and stays open is announced with a delay, since its content can be incomplete.
final class FileWatch: Sendable {
    /// The time at which the file has to be read.
    enum Urgency: Hashable, Sendable {
        /// Not at all: the file did not change.
        case none
        /// After a delay: the file is being written.
        case soon
        case now
    }

    /// The purpose of one watch.
    private enum Purpose: Hashable {
        case file
        /// A folder on the path, and the names in it that are part of the path.
        case folder(Set<String>)
    }

    /// Changes of names only, not of the contents of other files.
    private static let folderMask = UInt32(IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR)
    private static let fileMask = UInt32(IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)
    /// The kernel's limit on symbolic links in a path. Source: `path_resolution(7)`.
    private static let linkLimit = 40

    private let path: String
    private let descriptor: Int32
    private let purposes = Mutex<[Int32: Purpose]>([:])

    /// Returns nil if the kernel refuses: each user has a small number of inotify instances.
    init?(path: String) {
        self.path = path
        descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard descriptor >= 0 else { return nil }
    }

    deinit { close(descriptor) }

    /// A duplicate of the descriptor, which the caller reads and closes; nil if no descriptor is available.
    func duplicateDescriptor() -> Int32? {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        return copy >= 0 ? copy : nil
    }

    /// Watches the file and every folder and link on the current path to it. Call this before each read, on a thread that
    /// can block on the file system.
    ///
    /// Each folder is watched before the next name in it is looked up, so that no change in between goes unnoticed.
    ///
    /// - Returns: true if every change will be announced.
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
            // Recorded before the next step, so that events from now on are recognised.
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

    /// The most urgent reaction that the events require.
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

    /// Walks from folder to folder as the kernel would, through symbolic links.
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

    /// The path's components in reverse order.
    private static func names(of path: String) -> [String] {
        path.split(separator: "/" as Character).filter { $0 != "." }.map(String.init).reversed()
    }

    private static func target(of link: String) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink(link, &buffer, buffer.count)
        // A target as long as the buffer was truncated.
        guard length > 0, length < buffer.count else { return nil }
        return String(decoding: buffer.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

/// Reads the events of a ``FileWatch`` and announces changes.
final class FileWatchHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let watch: FileWatch
    private let onChange: @Sendable (FileWatch.Urgency) -> Void

    init(watch: FileWatch, onChange: @escaping @Sendable (FileWatch.Urgency) -> Void) {
        self.watch = watch
        self.onChange = onChange
    }

    /// Reads until the channel is closed.
    static func start(
        _ watch: FileWatch, on group: any EventLoopGroup, onChange: @escaping @Sendable (FileWatch.Urgency) -> Void
    ) async throws -> any Channel {
        guard let descriptor = watch.duplicateDescriptor() else { throw IOError(errnoCode: EMFILE, reason: "dup") }
        do {
            return try await NIOPipeBootstrap(group: group)
                // A read into less than one event's size fails, so the buffer size must be fixed.
                .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 4_096))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let handler = FileWatchHandler(watch: watch, onChange: onChange)
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                }
                .takingOwnershipOfDescriptor(input: descriptor).get()
        } catch {
            close(descriptor)
            throw error
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let urgency = watch.urgency(of: InotifyEvent.parse(unwrapInboundIn(data).readableBytesView))
        if urgency != .none { onChange(urgency) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

/// One inotify event. Source: `inotify(7)`, "Reading events from an inotify file descriptor".
struct InotifyEvent: Hashable, Sendable {
    /// The watch descriptor; -1 if events were lost.
    var watch: Int32
    var mask: UInt32
    /// The name in a watched directory; empty for the watched file itself.
    var name: String

    /// Parses the bytes of one read, which are complete events.
    static func parse(_ bytes: some Collection<UInt8>) -> [InotifyEvent] {
        let headLength = MemoryLayout<inotify_event>.size
        var events: [InotifyEvent] = []
        var rest = Array(bytes)[...]
        while rest.count >= headLength {
            let head = rest.withUnsafeBytes { $0.loadUnaligned(as: inotify_event.self) }
            let length = headLength + Int(head.len)
            guard rest.count >= length else { break }
            let name = rest.dropFirst(headLength).prefix(Int(head.len)).prefix { $0 != 0 }
            events.append(
                InotifyEvent(watch: head.wd, mask: head.mask, name: String(decoding: name, as: UTF8.self)))
            rest = rest.dropFirst(length)
        }
        return events
    }
}
