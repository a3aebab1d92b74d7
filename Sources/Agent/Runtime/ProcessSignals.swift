import Glibc
import Synchronization

/// SIGTERM, SIGINT and SIGHUP. The process's first thread does nothing but wait for them.
///
/// While nobody takes them, they do what they do to any program.
final class ProcessSignals: Sendable {
    static let shared = ProcessSignals()

    private let taker = Mutex<AsyncStream<Int32>.Continuation?>(nil)

    private init() {}

    /// Keeps the signals for ``deliver()``; before there is a second thread, since threads inherit that.
    func hold() {
        var set = Self.set
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Hands each signal to the one who takes them; on the process's first thread.
    func deliver() -> Never {
        var set = Self.set
        while true {
            var number: Int32 = 0
            guard sigwait(&set, &number) == 0 else { continue }
            if let taker = taker.withLock({ $0 }) {
                taker.yield(number)
            } else {
                signal(number, SIG_DFL)
                pthread_sigmask(SIG_UNBLOCK, &set, nil)
                raise(number)
            }
        }
    }

    /// The signals that come from now on; one takes them at a time.
    func take() -> AsyncStream<Int32> {
        let (signals, continuation) = AsyncStream.makeStream(of: Int32.self, bufferingPolicy: .bufferingNewest(8))
        taker.withLock { $0 = continuation }
        return signals
    }

    private static var set: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&set, number) }
        return set
    }
}
