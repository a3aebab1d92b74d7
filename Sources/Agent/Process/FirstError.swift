import Synchronization

/// Where a connection leaves why it ended; the first reason stays.
final class FirstError<Failure: Error>: Sendable {
    private let content = Mutex<Failure?>(nil)

    /// nil while nobody has said one.
    var value: Failure? { content.withLock { $0 } }

    func set(_ failure: Failure) {
        content.withLock { if $0 == nil { $0 = failure } }
    }
}
