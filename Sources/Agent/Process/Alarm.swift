import NIOCore

/// A pause that ends when it is rung, when its time is up, or when the task is cancelled.
struct Alarm: Sendable {
    private let rung = OneShot<Void>()

    func ring() { rung.set(()) }

    /// To be called once.
    func wait(_ duration: Duration) async {
        let timer = TaskThread.shared.schedule(in: .nanoseconds(duration.nanoseconds)) { ring() }
        await withTaskCancellationHandler {
            await rung.value
        } onCancel: {
            ring()
        }
        timer.cancel()
    }
}

extension Duration {
    /// Rounded up, and at least one.
    fileprivate var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return max(1, Int64(seconds) * 1_000_000_000 + (attoseconds + 999_999_999) / 1_000_000_000)
    }
}
