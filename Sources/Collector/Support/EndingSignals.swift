import Glibc
import Synchronization
package import UnixSignals

/// The signals that end a run early but let it write its report: SIGINT, SIGTERM and SIGHUP.
package enum EndingSignals {
    /// Traps the signals from now on. The sequence also delivers those that arrive before it is read.
    ///
    /// A SIGHUP that the parent process set to be ignored (`nohup`) stays ignored.
    package static func caught() async -> UnixSignalsSequence {
        isHangupIgnored
            ? await UnixSignalsSequence(trapping: .sigint, .sigterm)
            : await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
    }

    /// Waits for one of the signals that arrives from now on, or for the task's cancellation.
    package static func arrival() async {
        for await _ in await caught() { return }
    }

    private static var isHangupIgnored: Bool {
        var action = sigaction()
        guard sigaction(SIGHUP, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}

/// The signals of one run: the first one ends it early, with its report. If that takes too long, another one ends the process
/// at once.
package final class RunSignals: Sendable {
    /// The first signal, and those that are taken for repetitions of it.
    package let stream: AsyncStream<UnixSignal>
    private let watching: Task<Void, Never>

    /// Wrappers deliver one keystroke twice: to the process, and to its group. Later signals are meant as another one.
    static let repetition = Duration.milliseconds(500)

    private init(_ signals: UnixSignalsSequence) {
        let (stream, first) = AsyncStream.makeStream(of: UnixSignal.self)
        self.stream = stream
        watching = Task {
            var since: ContinuousClock.Instant?
            for await signal in signals {
                if let since, since.duration(to: .now) > Self.repetition { Self.end(by: signal) }
                since = since ?? .now
                first.yield(signal)
            }
        }
    }

    deinit { watching.cancel() }

    /// Traps the signals until the value is released; see ``EndingSignals/caught()``.
    package static func caught() async -> RunSignals { RunSignals(await EndingSignals.caught()) }

    private static func end(by signal: UnixSignal) -> Never {
        Terminal.standardError.write(HiddenCursor.show().utf8)
        _exit(128 + signal.endingNumber)
    }
}

extension UnixSignal {
    /// The number of a signal that ends a run.
    package var endingNumber: Int32 {
        switch self {
        case .sigterm: SIGTERM
        case .sighup: SIGHUP
        default: SIGINT
        }
    }
}

/// Cancels work on SIGINT, SIGTERM or SIGHUP, and remembers the signal.
///
/// ```swift
/// let interruption = SignalCancellation()
/// let result = await interruption.watching { await gate.wait() }
/// if let signal = interruption.signal { … }
/// ```
package final class SignalCancellation: Sendable {
    private let number = Mutex<Int32?>(nil)

    package init() {}

    /// The first signal, 1, 2 or 15; nil if none arrived.
    package var signal: Int32? { number.withLock(\.self) }

    /// Runs the work in a task that the first signal cancels, and returns its result.
    package func watching<Value: Sendable>(_ work: @escaping @Sendable () async -> Value) async -> Value {
        // Trapped before the work begins, so that no signal is lost in between.
        let signals = await EndingSignals.caught()
        let working = Task { await work() }
        let watching = Task {
            for await signal in signals {
                number.withLock { $0 = $0 ?? signal.endingNumber }
                working.cancel()
            }
        }
        let value = await withTaskCancellationHandler {
            await working.value
        } onCancel: {
            working.cancel()
        }
        watching.cancel()
        await watching.value
        return value
    }
}
