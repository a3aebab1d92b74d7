import Shared
import Synchronization

/// What the agent counts about itself.
final class Metrics: Sendable {
    struct Counts {
        var requests: [Int: Int] = [:]
        var lookFailures: [EngineFailure.Reason: Int] = [:]
        var looks = 0
        /// By socket: the named ones, or those of the defaults that were found.
        var engineStreams: [String: EngineStream] = [:]
        var connectionsOpen = 0
        var connectionsAccepted = 0
        var connectionsRefused = 0
        /// For others, while all places were taken.
        var connectionsGivenUp = 0
        var handshakesFailed = 0
        var requestsHeld = 0
    }

    /// An engine's event stream.
    struct EngineStream: Codable, Hashable {
        var isUp = false
        /// Those that matter.
        var events = 0
        /// How often it was opened.
        var openings = 0
    }

    private let counts = Mutex(Counts())

    func update(_ change: (inout Counts) -> Void) {
        counts.withLock { change(&$0) }
    }

    var current: Counts { counts.withLock { $0 } }
}
