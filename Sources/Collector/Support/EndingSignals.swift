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

    private static var isHangupIgnored: Bool {
        var action = sigaction()
        guard sigaction(SIGHUP, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
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
