import Glibc
import NIOCore
import Synchronization

/// Runs system calls that might never return on a thread of their own.
///
/// Swift has only as many threads as processors: two reads from a hung file system would stop the whole agent.
enum BlockingThread {
    /// The stack size in bytes, enough to read a small file.
    private static let stackSize = 256 * 1_024

    enum Outcome<Value: Sendable>: Sendable {
        case value(Value)
        /// The work exceeded the limit and continues.
        case late
        /// The kernel refused another thread.
        case noThread
    }

    /// Runs the work and returns its value if it ends within the limit.
    ///
    /// - Parameter afterwards: called when work whose outcome was ``Outcome/late`` ends after all.
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
        // The thread releases it; without a thread it is released here.
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

/// A value that is set once, for one waiting task.
final class OneTimeResult<Value: Sendable>: Sendable {
    private enum State {
        case empty
        case awaited(CheckedContinuation<Value, Never>)
        case full(Value)
        case taken
    }

    private let state = Mutex(State.empty)

    /// Returns false if the value was already set.
    @discardableResult
    func set(_ value: Value) -> Bool {
        let (isFirst, waiting) = state.withLock { state -> (Bool, CheckedContinuation<Value, Never>?) in
            switch state {
            case .empty:
                state = .full(value)
                return (true, nil)
            case .awaited(let continuation):
                state = .taken
                return (true, continuation)
            case .full, .taken: return (false, nil)
            }
        }
        waiting?.resume(returning: value)
        return isFirst
    }

    var value: Value {
        get async {
            await withCheckedContinuation { continuation in
                let ready = state.withLock { state -> Value? in
                    if case .full(let value) = state {
                        state = .taken
                        return value
                    }
                    state = .awaited(continuation)
                    return nil
                }
                if let ready { continuation.resume(returning: ready) }
            }
        }
    }
}

/// The reason why a connection ended; later ones are ignored.
final class FirstError<Failure: Error>: Sendable {
    private let content = Mutex<Failure?>(nil)

    /// The first reason; nil until one is set.
    var value: Failure? { content.withLock { $0 } }

    func set(_ failure: Failure) {
        content.withLock { if $0 == nil { $0 = failure } }
    }
}
