import CCurl
import Glibc

/// The client's epoll. Registers sockets lazily, to keep `epoll_ctl` calls to a minimum.
///
/// libcurl changes its interest in a socket three times per request. Only its interest at the end of a turn reaches the
/// kernel, and a socket that libcurl no longer waits for stays registered until its next event: the next request on a kept
/// connection then needs no call at all. Both require knowing when a descriptor is closed, because the kernel then drops the
/// registration and reuses the number; so the sockets of connections are opened and closed here. The few that libcurl
/// opens itself, for name lookups, are registered and unregistered at once.
///
/// Belongs to the transfer thread.
final class SocketPoller {
    /// An event on a socket, for `curl_multi_socket_action`.
    struct Event {
        var descriptor: Int32
        var multi: Int
        /// `CURL_CSELECT_…`
        var mask: Int32
    }

    private struct Watch {
        var wanted: UInt32 = 0
        var registered: UInt32 = 0
        var multi: Int32 = 0
        var isOurs = false
        var isQueued = false
    }

    private let epoll: Int32
    private let wakeup: WakeupDescriptor
    private var watches: [Watch] = []
    private var changed: [Int32] = []
    private var kernelEvents: [epoll_event]
    private(set) var events: [Event] = []
    /// True while this machine is short of ports or descriptors.
    var isShort = false

    private static let read = EPOLLIN.rawValue
    private static let write = EPOLLOUT.rawValue

    init(wakeup: WakeupDescriptor, eventsPerTurn: Int = 256) throws(TransferClientError) {
        self.wakeup = wakeup
        kernelEvents = Array(repeating: epoll_event(), count: eventsPerTurn)
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw .system(call: "epoll_create1", reason: String(cString: strerror(errno))) }
        guard control(EPOLL_CTL_ADD, wakeup.descriptor, Self.read) else {
            let reason = String(cString: strerror(errno))
            Glibc.close(epoll)
            throw .system(call: "epoll_ctl", reason: reason)
        }
    }

    func close() {
        Glibc.close(epoll)
    }

    // MARK: From libcurl's callbacks

    /// Opens a connection's socket. Returns -1 and sets errno on failure.
    func open(family: Int32, type: Int32, protocol number: Int32) -> Int32 {
        let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(family, type | flags, number)
        guard descriptor >= 0 else { return -1 }
        grow(to: descriptor)
        let isQueued = watches[Int(descriptor)].isQueued
        watches[Int(descriptor)] = Watch(isOurs: true, isQueued: isQueued)
        return descriptor
    }

    func closeSocket(_ descriptor: Int32) -> Int32 {
        if isShort {
            // Resets the connection. Otherwise its port would stay taken for another minute.
            var now = linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        }
        if Int(descriptor) < watches.count {
            let isQueued = watches[Int(descriptor)].isQueued
            watches[Int(descriptor)] = Watch(isQueued: isQueued)
        }
        return Glibc.close(descriptor)
    }

    /// Sets the events that a multi handle waits for on a socket.
    ///
    /// - Parameter interest: one of `CURL_POLL_…`.
    func watch(_ descriptor: Int32, for interest: Int32, multi: Int) {
        grow(to: descriptor)
        let wanted: UInt32 =
            switch interest {
            case CURL_POLL_IN: Self.read
            case CURL_POLL_OUT: Self.write
            case CURL_POLL_INOUT: Self.read | Self.write
            default: 0
            }
        watches[Int(descriptor)].wanted = wanted
        watches[Int(descriptor)].multi = Int32(truncatingIfNeeded: multi)
        guard watches[Int(descriptor)].isOurs else {
            settle(descriptor)
            if wanted == 0 { forget(descriptor) }
            return
        }
        guard wanted != 0, !watches[Int(descriptor)].isQueued else { return }
        watches[Int(descriptor)].isQueued = true
        changed.append(descriptor)
    }

    // MARK: The turn

    /// Waits for a socket, another thread or the end of the time, and fills ``events``.
    ///
    /// - Parameter milliseconds: -1 to wait without limit.
    func wait(milliseconds: Int32) {
        for descriptor in changed {
            watches[Int(descriptor)].isQueued = false
            settle(descriptor)
        }
        changed.removeAll(keepingCapacity: true)
        events.removeAll(keepingCapacity: true)
        take(milliseconds: milliseconds)
    }

    /// Fills ``events`` with what has happened by now, without waiting. The kernel repeats the events of sockets that were not
    /// read since.
    func takeAgain() {
        events.removeAll(keepingCapacity: true)
        take(milliseconds: 0)
    }

    private func take(milliseconds: Int32) {
        let count = epoll_wait(epoll, &kernelEvents, Int32(kernelEvents.count), milliseconds)
        // Zero, or -1 with EINTR, after which the next turn waits again. A valid descriptor causes no other error.
        guard count > 0 else { return }
        for index in 0..<Int(count) {
            let descriptor = kernelEvents[index].data.fd
            if descriptor == wakeup.descriptor {
                wakeup.clear()
                continue
            }
            let watch = watches[Int(descriptor)]
            if watch.wanted == 0 {
                // The peer closed an idle connection. libcurl notices when it next uses it.
                forget(descriptor)
                continue
            }
            let mask = Self.mask(kernelEvents[index].events)
            events.append(Event(descriptor: descriptor, multi: Int(watch.multi), mask: mask))
        }
    }

    private static func mask(_ events: UInt32) -> Int32 {
        var mask: Int32 = 0
        if events & (read | EPOLLHUP.rawValue) != 0 { mask |= CURL_CSELECT_IN }
        if events & write != 0 { mask |= CURL_CSELECT_OUT }
        if events & EPOLLERR.rawValue != 0 { mask |= CURL_CSELECT_ERR }
        return mask
    }

    private func grow(to descriptor: Int32) {
        let missing = Int(descriptor) + 1 - watches.count
        if missing > 0 { watches.append(contentsOf: repeatElement(Watch(), count: max(missing, 64))) }
    }

    /// Brings the kernel's registration in line with libcurl's interest.
    private func settle(_ descriptor: Int32) {
        let watch = watches[Int(descriptor)]
        guard watch.wanted != 0, watch.wanted != watch.registered else { return }
        var isDone = control(watch.registered == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, watch.wanted)
        // Only for a descriptor that libcurl opened and closed itself.
        if !isDone, errno == ENOENT { isDone = control(EPOLL_CTL_ADD, descriptor, watch.wanted) }
        if !isDone, errno == EEXIST { isDone = control(EPOLL_CTL_MOD, descriptor, watch.wanted) }
        watches[Int(descriptor)].registered = isDone ? watch.wanted : 0
    }

    private func forget(_ descriptor: Int32) {
        if watches[Int(descriptor)].registered != 0 { _ = control(EPOLL_CTL_DEL, descriptor, 0) }
        watches[Int(descriptor)].registered = 0
    }

    private func control(_ operation: Int32, _ descriptor: Int32, _ interest: UInt32) -> Bool {
        var event = epoll_event(events: interest, data: epoll_data_t(fd: descriptor))
        return epoll_ctl(epoll, operation, descriptor, &event) == 0
    }
}
