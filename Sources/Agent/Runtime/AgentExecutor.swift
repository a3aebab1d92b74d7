import NIOCore
import NIOPosix

/// The thread that runs all of the agent's tasks.
///
/// One thread is enough, since nothing on it blocks; connections are served on another. Swift's own pool stays unused:
/// its Dispatch wakes up every second to manage its threads, which is more than an idle agent does in ten.
final class AgentExecutor: TaskExecutor {
    static let shared = AgentExecutor()

    // Never shut down: it lives as long as the process.
    private let loop: any EventLoop = MultiThreadedEventLoopGroup(numberOfThreads: 1).next()

    private init() {}

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { [self] in job.runSynchronously(on: asUnownedTaskExecutor()) }
    }

    /// Schedules work on this thread, so a task that waits for it wakes no other thread.
    func schedule(in delay: TimeAmount, _ work: @escaping @Sendable () -> Void) -> Scheduled<Void> {
        loop.scheduleTask(in: delay, work)
    }
}

extension Task where Failure == Never {
    /// Starts a task on the agent's own thread.
    @discardableResult
    static func onTaskThread(_ operation: @escaping @Sendable () async -> Success) -> Task {
        Task(executorPreference: AgentExecutor.shared, operation: operation)
    }
}

/// A pause that ends when it is rung, when its time is up, or when the task is cancelled.
struct WakeableSleep: Sendable {
    private let end = OneTimeResult<Void>()

    func ring() { end.set(()) }

    /// Waits for the end of the pause; call it once.
    func wait(_ duration: Duration) async {
        let timer = AgentExecutor.shared.schedule(in: .nanoseconds(max(1, duration.nanosecondsRoundedUp))) { ring() }
        await withTaskCancellationHandler {
            await end.value
        } onCancel: {
            ring()
        }
        timer.cancel()
    }
}

extension Duration {
    /// The duration in whole nanoseconds, rounded up.
    var nanosecondsRoundedUp: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000_000 + (attoseconds + 999_999_999) / 1_000_000_000
    }
}
