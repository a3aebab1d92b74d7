import NIOCore

/// A pause that ends when it is rung, when its time is up, or when the task is cancelled.
struct WakeableSleep: Sendable {
    private let rung = OneTimeResult<Void>()

    func ring() { rung.set(()) }

    /// To be called once.
    func wait(_ duration: Duration) async {
        let timer = AgentExecutor.shared.schedule(in: .nanoseconds(max(1, duration.nanosecondsRoundedUp))) { ring() }
        await withTaskCancellationHandler {
            await rung.value
        } onCancel: {
            ring()
        }
        timer.cancel()
    }
}
