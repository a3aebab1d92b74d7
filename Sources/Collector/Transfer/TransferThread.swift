import CCurl
import Glibc
import Synchronization

/// A thread that runs the loop to its end and can be awaited without blocking.
final class TransferThread: Sendable {
    private struct End {
        var isOver = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    /// Taken by the thread, once.
    private let loop: Mutex<TransferLoop?>
    private let end = Mutex(End())
    private let handle = Mutex<pthread_t?>(nil)

    init(running loop: sending TransferLoop) throws(TransferClientError) {
        self.loop = Mutex(loop)
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let result = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<TransferThread>.fromOpaque(context).takeRetainedValue().main()
                return nil
            }, context.toOpaque())
        guard result == 0 else {
            context.release()
            self.loop.withLock { $0.take() }?.close()
            throw .system(call: "pthread_create", reason: String(cString: strerror(result)))
        }
        handle.withLock { $0 = thread }
    }

    private func main() {
        // Blocks all signals, which other threads handle. A write to a closed connection raises SIGPIPE in the writing
        // thread, so the process's disposition need not change. Resolver threads inherit the mask.
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, nil)
        buildinfo_thread_name("transfers")
        loop.withLock { $0.take() }?.run()
        let waiting = end.withLock { end in
            end.isOver = true
            return end.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Returns when the thread has ended.
    func join() async {
        await withCheckedContinuation { continuation in
            let isOver = end.withLock { end in
                if !end.isOver { end.waiting.append(continuation) }
                return end.isOver
            }
            if isOver { continuation.resume() }
        }
        // The thread is returning: this waits for microseconds.
        if let thread = handle.withLock({ $0.take() }) { pthread_join(thread, nil) }
    }

    /// Lets the thread end without being joined.
    func detach() {
        if let thread = handle.withLock({ $0.take() }) { pthread_detach(thread) }
    }
}
