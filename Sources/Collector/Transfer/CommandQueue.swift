import CCurl
import Glibc
import Synchronization

/// Commands from other threads to the transfer thread.
final class CommandQueue: Sendable {
    enum Command: Sendable {
        case submit([TransferRequest])
        case cancelIDs(Set<UInt64>)
        case cancelLane(Int)
        case stop
    }

    private let commands = Mutex<[Command]>([])
    /// True if the process ends, which closes everything at once: libcurl would take as long as the report to do it.
    let isAbandoned = Atomic(false)
    private let wakeup: WakeupDescriptor

    init(wakeup: WakeupDescriptor) {
        self.wakeup = wakeup
    }

    func post(_ command: Command) {
        let wasEmpty = commands.withLock { commands in
            defer { commands.append(command) }
            return commands.isEmpty
        }
        if wasEmpty { wakeup.wake() }
    }

    /// Everything posted so far, in order.
    func takeAll() -> [Command] {
        commands.withLock { commands in
            defer { commands = [] }
            return commands
        }
    }
}

/// An eventfd by which any thread wakes the transfer thread. Closed with its last owner.
final class WakeupDescriptor: Sendable {
    let descriptor: Int32

    init() throws(TransferClientError) {
        descriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard descriptor >= 0 else { throw .system(call: "eventfd", reason: String(cString: strerror(errno))) }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    func wake() {
        // Fails only if the counter is full, and then the thread is awake.
        _ = eventfd_write(descriptor, 1)
    }

    func clear() {
        var count: eventfd_t = 0
        _ = eventfd_read(descriptor, &count)
    }
}
