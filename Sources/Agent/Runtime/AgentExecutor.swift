import NIOCore
import NIOPosix

/// The thread that all of the agent's tasks run on.
///
/// One is enough, since nothing that may wait runs on it; connections are served on another. Swift's own pool is left
/// unused: its Dispatch wakes up every second to look after its threads, which is more than an idle agent does in ten.
final class AgentExecutor: TaskExecutor {
    static let shared = AgentExecutor()

    // Lives as long as the process.
    private let loop: any EventLoop = MultiThreadedEventLoopGroup(numberOfThreads: 1).next()

    private init() {}

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { [self] in job.runSynchronously(on: asUnownedTaskExecutor()) }
    }

    /// Does something later, on this thread: a task that waits for it wakes no other one.
    func schedule(in delay: TimeAmount, _ work: @escaping @Sendable () -> Void) -> Scheduled<Void> {
        loop.scheduleTask(in: delay, work)
    }
}

extension Task where Failure == Never {
    /// Starts a task on the agent's own thread, with nobody to wait for it necessarily.
    @discardableResult
    static func onTaskThread(_ operation: @escaping @Sendable () async -> Success) -> Task {
        Task(executorPreference: AgentExecutor.shared, operation: operation)
    }
}

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

extension Duration {
    /// Whole nanoseconds, at least as long as this.
    var nanosecondsRoundedUp: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000_000 + (attoseconds + 999_999_999) / 1_000_000_000
    }
}
