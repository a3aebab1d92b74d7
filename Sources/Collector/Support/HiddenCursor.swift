import Glibc
import Synchronization

/// The cursor of a terminal while a display is redrawn. It is shown again however the process ends, except by SIGKILL, and
/// while the process is stopped.
enum HiddenCursor {
    /// The descriptor of the terminal with the hidden cursor; -1 without one.
    private static let descriptor = Atomic<Int32>(-1)
    private static let isContinued = Atomic<Bool>(false)
    private static let isStopping = Atomic<Bool>(false)
    private static let sequence: StaticString = "\u{1B}[?25h"

    /// The sequence that hides the cursor; empty if it is hidden.
    static func hide(on terminal: Int32) -> String {
        _ = installed
        return descriptor.exchange(terminal, ordering: .sequentiallyConsistent) == terminal ? "" : "\u{1B}[?25l"
    }

    /// The sequence that shows the cursor; empty if it is not hidden.
    static func show() -> String {
        descriptor.exchange(-1, ordering: .sequentiallyConsistent) >= 0 ? "\(sequence)" : ""
    }

    /// True from the moment that the process is about to be stopped until it continues. Another thread must not draw then.
    static var isPaused: Bool { isStopping.load(ordering: .sequentiallyConsistent) }

    /// True once after the process was stopped and continued.
    static func takeContinued() -> Bool { isContinued.exchange(false, ordering: .sequentiallyConsistent) }

    /// Shows the cursor. Calls only functions that a signal handler may call.
    private static func restore() {
        let terminal = descriptor.exchange(-1, ordering: .sequentiallyConsistent)
        guard terminal >= 0 else { return }
        // A terminal that takes nothing, for example after Ctrl-S, must not hold up the end.
        var ready = pollfd(fd: terminal, events: Int16(POLLOUT), revents: 0)
        guard poll(&ready, 1, 0) == 1 else { return }
        _ = write(terminal, sequence.utf8Start, sequence.utf8CodeUnitCount)
    }

    /// Installs the handlers, once. Signals that the program traps or ignores keep their handling.
    private static let installed: Void = {
        // Initialised here, because a handler must not.
        _ = takeContinued()
        _ = isPaused
        _ = sequence.utf8CodeUnitCount
        atexit { HiddenCursor.restore() }
        let ending = [
            SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGXCPU, SIGXFSZ,
            SIGALRM,
            SIGUSR1, SIGUSR2,
        ]
        for number in ending where isDefault(number) {
            signal(number) { number in
                HiddenCursor.restore()
                signal(number, SIG_DFL)
                raise(number)
            }
        }
        if isDefault(SIGTSTP) { signal(SIGTSTP, stop) }
        if isDefault(SIGCONT) { signal(SIGCONT) { _ in HiddenCursor.noteContinued() } }
    }()

    private static func noteContinued() {
        // The next drawing hides the cursor again.
        descriptor.store(-1, ordering: .sequentiallyConsistent)
        isContinued.store(true, ordering: .sequentiallyConsistent)
    }

    /// Stops the process as the default does, with the cursor shown. The kernel stops no process that cannot be continued.
    private static let stop: @convention(c) (Int32) -> Void = { number in
        HiddenCursor.isStopping.store(true, ordering: .sequentiallyConsistent)
        HiddenCursor.restore()
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, number)
        signal(number, SIG_DFL)
        raise(number)
        // Blocked until here, because this is its handler.
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        signal(number, HiddenCursor.stop)
        HiddenCursor.noteContinued()
        HiddenCursor.isStopping.store(false, ordering: .sequentiallyConsistent)
    }

    private static func isDefault(_ number: Int32) -> Bool {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 0
    }
}
