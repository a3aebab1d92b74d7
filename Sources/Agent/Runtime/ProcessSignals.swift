import Glibc
import Synchronization

/// SIGTERM, SIGINT and SIGHUP, for which the process's first thread waits.
///
/// Without a receiver, they have their default effect.
final class ProcessSignals: Sendable {
    static let shared = ProcessSignals()

    private let receiver = Mutex<AsyncStream<Int32>.Continuation?>(nil)

    private init() {}

    /// Blocks the signals for ``deliver()``; call it before the second thread starts, since threads inherit the mask.
    func hold() {
        var set = Self.set
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Passes each signal to the receiver; runs on the process's first thread.
    func deliver() -> Never {
        var set = Self.set
        while true {
            var number: Int32 = 0
            guard sigwait(&set, &number) == 0 else { continue }
            if let receiver = receiver.withLock({ $0 }) {
                receiver.yield(number)
            } else {
                signal(number, SIG_DFL)
                pthread_sigmask(SIG_UNBLOCK, &set, nil)
                raise(number)
            }
        }
    }

    /// The signals from now on; a later call replaces the receiver.
    func receive() -> AsyncStream<Int32> {
        let (signals, continuation) = AsyncStream.makeStream(of: Int32.self, bufferingPolicy: .bufferingNewest(8))
        receiver.withLock { $0 = continuation }
        return signals
    }

    private static var set: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&set, number) }
        return set
    }
}
