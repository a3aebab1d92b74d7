import Glibc
import NIOCore

/// Runs what the kernel may never come back from on a thread of its own, so that nothing else waits with it.
///
/// Swift's own threads are as many as processors: two reads of a file system that hangs would stop the whole agent.
enum BlockingThread {
    /// Bytes. What runs here reads a small file.
    private static let stackSize = 256 * 1_024

    enum Outcome<Value: Sendable>: Sendable {
        case value(Value)
        /// Not within the limit; it goes on.
        case late
        /// The kernel gives no more threads.
        case noThread
    }

    /// What the work returns within the limit.
    ///
    /// - Parameter afterwards: is called where the outcome was ``Outcome/late``, when the work came to its end after all.
    static func run<Value: Sendable>(
        within limit: TimeAmount, _ work: @escaping @Sendable () -> Value, afterwards: @escaping @Sendable () -> Void
    ) async -> Outcome<Value> {
        let outcome = OneTimeResult<Outcome<Value>>()
        let isStarted = start {
            if !outcome.set(.value(work())) { afterwards() }
        }
        guard isStarted else { return .noThread }
        let timer = AgentExecutor.shared.schedule(in: limit) { outcome.set(.late) }
        defer { timer.cancel() }
        return await outcome.value
    }

    private final class Work: Sendable {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private static func start(_ work: @escaping @Sendable () -> Void) -> Bool {
        var attributes = pthread_attr_t()
        guard pthread_attr_init(&attributes) == 0 else { return false }
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, stackSize)
        var thread = pthread_t()
        // Handed over to the thread, which lets go of it; taken back where there is no thread.
        let handed = Unmanaged.passRetained(Work(work))
        let code = pthread_create(
            &thread, &attributes,
            { pointer in
                if let pointer { Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue().run() }
                return nil
            }, handed.toOpaque())
        if code != 0 { handed.release() }
        return code == 0
    }
}
