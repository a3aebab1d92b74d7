import Glibc
import Synchronization

/// The cursor of a terminal while a display is redrawn. It is shown again however the process ends, except by SIGKILL, and
/// while the process is stopped.
enum HiddenCursor {
    /// The descriptor of the terminal with the hidden cursor; -1 without one.
    private static let descriptor = Atomic<Int32>(-1)
    private static let isContinued = Atomic<Bool>(false)
    private static let isStopping = Atomic<Bool>(false)
    /// The threads that are drawing.
    private static let drawing = Atomic<Int>(0)
    private static let sequence: StaticString = "\u{1B}[?25h"

    /// The sequence that hides the cursor; empty if it is hidden.
    static func hide(on terminal: Int32) -> String {
        descriptor.exchange(terminal, ordering: .sequentiallyConsistent) == terminal ? "" : "\u{1B}[?25l"
    }

    /// The sequence that shows the cursor; empty if it is not hidden.
    static func show() -> String {
        descriptor.exchange(-1, ordering: .sequentiallyConsistent) >= 0 ? "\(sequence)" : ""
    }

    /// Runs a change of the display. A signal that stops or ends the process meanwhile takes effect once the change is written:
    /// half of it, or one that hides the cursor again, would otherwise be on the terminal of a process that is stopped.
    static func drawing(_ draw: () -> Void) {
        _ = installed
        // The handler must not wait for its own thread.
        var signals = sigset_t()
        var former = sigset_t()
        sigemptyset(&signals)
        for number in ending + [SIGTSTP] where !faults.contains(number) { sigaddset(&signals, number) }
        pthread_sigmask(SIG_BLOCK, &signals, &former)
        drawing.wrappingAdd(1, ordering: .sequentiallyConsistent)
        defer {
            drawing.wrappingSubtract(1, ordering: .sequentiallyConsistent)
            pthread_sigmask(SIG_SETMASK, &former, nil)
        }
        draw()
    }

    /// True from the moment that the process is about to be stopped or ended until it continues. Nothing may be drawn then.
    static var isPaused: Bool { isStopping.load(ordering: .sequentiallyConsistent) }

    /// True once after the process was stopped and continued.
    static func takeContinued() -> Bool { isContinued.exchange(false, ordering: .sequentiallyConsistent) }

    /// The signals that end the process by default.
    private static let ending = [
        SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGXCPU, SIGXFSZ, SIGALRM,
        SIGUSR1, SIGUSR2,
    ]
    /// Those of a thread's own fault, which cannot be put off.
    private static let faults = [SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE]

    /// Milliseconds for which a handler waits for a terminal that takes nothing, for example after Ctrl-S.
    private static let patience: Int32 = 1_000

    /// Shows the cursor before the process is stopped or ended. Calls only functions that a signal handler may call.
    private static func pause() {
        isStopping.store(true, ordering: .sequentiallyConsistent)
        for _ in 0..<patience where drawing.load(ordering: .sequentiallyConsistent) > 0 { _ = poll(nil, 0, 1) }
        restore()
    }

    /// Shows the cursor. Calls only functions that a signal handler may call.
    private static func restore() {
        let terminal = descriptor.exchange(-1, ordering: .sequentiallyConsistent)
        guard terminal >= 0 else { return }
        var ready = pollfd(fd: terminal, events: Int16(POLLOUT), revents: 0)
        guard poll(&ready, 1, patience) == 1 else { return }
        _ = write(terminal, sequence.utf8Start, sequence.utf8CodeUnitCount)
    }

    /// Installs the handlers, once. Signals that the program traps or ignores keep their handling.
    private static let installed: Void = {
        // Initialised here, because a handler must not.
        _ = takeContinued()
        _ = isPaused
        _ = sequence.utf8CodeUnitCount
        _ = drawing.load(ordering: .relaxed)
        _ = patience
        atexit { HiddenCursor.restore() }
        for number in ending where isDefault(number) {
            signal(number) { number in
                HiddenCursor.pause()
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
        HiddenCursor.pause()
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
