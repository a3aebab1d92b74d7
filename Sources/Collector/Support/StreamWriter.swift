import Dispatch
import Glibc
import Synchronization

/// Writes to a standard stream so that a reader that stopped holds up nothing else.
///
/// While the stream takes bytes, a write returns once it is done, so that the order of output and its errors are those of
/// ordinary writes. What a pipe or a terminal does not take at once is written by a thread of its own. If the reader stops,
/// the call returns after a time, and the rest waits for the reader.
final class StreamWriter: Sendable {
    private let descriptor: Int32
    private let queue: DispatchQueue
    /// The same pipe or terminal, opened again so that writing does not block; -1 if that is not possible. The stream itself
    /// is shared with other processes, which would find it changed.
    private let direct: Int32
    /// Bytes that wait, and all bytes that were written.
    private let waiting = Atomic<Int>(0)
    private let written = Atomic<Int>(0)
    /// True from the moment that a write was given up until the stream takes bytes again.
    private let isBlocked = Atomic<Bool>(false)

    /// The most bytes that wait for a reader that stopped. Further writes are lost.
    private static let limit = 1 << 20
    /// The bytes that a pipe with any room takes at once.
    private static let piece = 4 << 10

    init(descriptor: Int32) {
        self.descriptor = descriptor
        queue = DispatchQueue(label: "stream \(descriptor)")
        direct = Self.reopened(descriptor)
    }

    deinit {
        if direct >= 0 { close(direct) }
    }

    /// A file has a position, which a second descriptor would not share, and does not block.
    private static func reopened(_ descriptor: Int32) -> Int32 {
        var status = stat()
        guard fstat(descriptor, &status) == 0, [S_IFIFO, S_IFCHR].contains(status.st_mode & S_IFMT),
            fcntl(descriptor, F_GETFL) & O_ACCMODE != O_RDONLY
        else { return -1 }
        return open("/proc/self/fd/\(descriptor)", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
    }

    /// True if the reader stopped.
    var isStopped: Bool { isBlocked.load(ordering: .relaxed) }

    private final class Entry: Sendable {
        let bytes: [UInt8]
        let done = DispatchSemaphore(value: 0)
        let error = Atomic<Int32>(0)

        init(_ bytes: [UInt8]) { self.bytes = bytes }
    }

    /// Writes the bytes after those of earlier calls.
    ///
    /// - Parameter patience: how long to wait while the reader takes nothing. A reader that was given up before is not waited
    ///   for again unless `insists`.
    /// - Returns: 0 if they are written, `ETIMEDOUT` if the reader stopped, or the `errno` of the write.
    func write(_ bytes: [UInt8], patience: Duration, insists: Bool) -> Int32 {
        guard insists || !isStopped || waiting.load(ordering: .relaxed) < Self.limit else { return ETIMEDOUT }
        var rest = bytes[...]
        while direct >= 0, !rest.isEmpty, waiting.load(ordering: .acquiring) == 0 {
            let count = rest.withUnsafeBytes { Glibc.write(direct, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
                written.wrappingAdd(count, ordering: .relaxed)
            } else if errno == EAGAIN {
                break
            } else if errno != EINTR {
                return errno
            }
        }
        guard !rest.isEmpty else { return 0 }
        let entry = Entry(Array(rest))
        waiting.wrappingAdd(entry.bytes.count, ordering: .relaxed)
        queue.async { [self] in
            entry.error.store(drain(entry.bytes), ordering: .releasing)
            waiting.wrappingSubtract(entry.bytes.count, ordering: .releasing)
            entry.done.signal()
        }
        guard insists || !isStopped else { return ETIMEDOUT }
        return wait(for: entry, patience) ? entry.error.load(ordering: .acquiring) : ETIMEDOUT
    }

    /// Waits until everything is written, or the reader has taken nothing for a time.
    func flush(patience: Duration) {
        let entry = Entry([])
        queue.async { entry.done.signal() }
        _ = wait(for: entry, patience)
    }

    private func wait(for entry: Entry, _ patience: Duration) -> Bool {
        while true {
            let before = written.load(ordering: .relaxed)
            let (seconds, attoseconds) = patience.components
            let nanoseconds = Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
            if entry.done.wait(timeout: .now() + .nanoseconds(nanoseconds)) == .success { return true }
            guard written.load(ordering: .relaxed) == before else { continue }
            isBlocked.store(true, ordering: .relaxed)
            return false
        }
    }

    /// Writes in pieces, so that a slow reader shows that it reads. Returns 0 or an `errno`.
    private func drain(_ bytes: [UInt8]) -> Int32 {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.prefix(Self.piece).withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
                written.wrappingAdd(count, ordering: .relaxed)
                isBlocked.store(false, ordering: .relaxed)
            } else if errno == EAGAIN {
                var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&ready, 1, 1_000)
            } else if errno != EINTR {
                return errno
            }
        }
        return 0
    }
}
