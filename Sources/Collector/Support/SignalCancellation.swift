import Synchronization
import UnixSignals

/// Ends work early when SIGINT, SIGTERM or SIGHUP comes, and remembers which it was.
///
/// ```swift
/// let interruption = SignalCancellation()
/// let result = await interruption.watching { await gate.wait() }
/// if let signal = interruption.signal { … }
/// ```
package final class SignalCancellation: Sendable {
    private let number = Mutex<Int32?>(nil)

    package init() {}

    /// 1, 2 or 15; nil while none came.
    package var signal: Int32? { number.withLock(\.self) }

    /// Does the work in a task that is cancelled by the first signal.
    ///
    /// - Returns: what the work came to, cancelled or not.
    package func watching<Value: Sendable>(_ work: @escaping @Sendable () async -> Value) async -> Value {
        // Trapped before the work begins, so that no signal falls between.
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
