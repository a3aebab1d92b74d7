import Shared
import Synchronization

/// What the agent counts about itself.
final class Metrics: Sendable {
    struct Counts {
        var requests: [Int: Int] = [:]
        var lookFailures: [EngineFailure.Reason: Int] = [:]
        var looks = 0
        var connectionsOpen = 0
        var connectionsAccepted = 0
        var connectionsRefused = 0
    }

    private let counts = Mutex(Counts())

    func update(_ change: (inout Counts) -> Void) {
        counts.withLock { change(&$0) }
    }

    var current: Counts { counts.withLock { $0 } }
}
