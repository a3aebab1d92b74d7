import CCurl
import Glibc

/// An eventfd: any thread wakes the engine's out of its wait. Closed when nobody can use it any more.
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
        // Fails only where the counter is full, and then the thread is awake.
        _ = eventfd_write(descriptor, 1)
    }

    func clear() {
        var count: eventfd_t = 0
        _ = eventfd_read(descriptor, &count)
    }
}
