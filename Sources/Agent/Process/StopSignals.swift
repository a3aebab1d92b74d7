import Glibc
import Synchronization

/// SIGTERM and SIGINT. The process's first thread does nothing but wait for them.
///
/// When nobody awaits one, it does what it does to any program.
final class StopSignals: Sendable {
    static let shared = StopSignals()

    private let awaited = Mutex<OneShot<Int32>?>(nil)

    private init() {}

    /// Keeps the signals for ``deliver()``; before there is a second thread, since threads inherit that.
    func hold() {
        var set = Self.set
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Hands each signal to the one who awaits it; on the process's first thread.
    func deliver() -> Never {
        var set = Self.set
        while true {
            var number: Int32 = 0
            guard sigwait(&set, &number) == 0 else { continue }
            let taker = awaited.withLock { awaited in
                defer { awaited = nil }
                return awaited
            }
            if let taker {
                taker.set(number)
            } else {
                signal(number, SIG_DFL)
                pthread_sigmask(SIG_UNBLOCK, &set, nil)
                raise(number)
            }
        }
    }

    /// Has the next signal delivered here; to be awaited by one at a time.
    func next() -> OneShot<Int32> {
        let shot = OneShot<Int32>()
        awaited.withLock { $0 = shot }
        return shot
    }

    private static var set: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGTERM, SIGINT] { sigaddset(&set, number) }
        return set
    }
}
