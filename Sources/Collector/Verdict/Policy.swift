import Shared

/// The timing of a verification, and its tolerances.
package struct Policy: Hashable, Sendable {
    /// The hard limit for the whole verification.
    package var timeout: Duration
    /// How often a host is asked.
    package var interval: Duration
    /// One request, connect included.
    package var requestTimeout: Duration
    /// How long a match must hold, on the same instances.
    package var soak: Duration
    /// How long no status may change before the verification stops.
    package var stall: Duration
    /// Answers in a row that show a failed deploy; 1 or more.
    package var failAfter: Int
    package var maxStragglers: Tolerance
    package var maxUnreachable: Tolerance
    package var maxFailed: Tolerance
    /// Tolerances for the hosts of a label. The plain one is for the hosts that none of these is for; a host of several
    /// labels has to fit into each.
    package var maxStragglersByLabel: [GroupTolerance]
    package var maxUnreachableByLabel: [GroupTolerance]
    package var maxFailedByLabel: [GroupTolerance]
    /// Proven hosts below which nothing is tolerated.
    package var minProven: Tolerance
    /// Hosts of a label that must be proven, whatever is tolerated.
    package var require: [Requirement]
    package var supersededOK: Bool

    package init(
        timeout: Duration = .seconds(600), interval: Duration = .seconds(2), requestTimeout: Duration = .seconds(5),
        soak: Duration = .seconds(10), stall: Duration = .seconds(180), failAfter: Int = 3,
        maxStragglers: Tolerance = .none, maxUnreachable: Tolerance = .none, maxFailed: Tolerance = .none,
        maxStragglersByLabel: [GroupTolerance] = [], maxUnreachableByLabel: [GroupTolerance] = [],
        maxFailedByLabel: [GroupTolerance] = [], minProven: Tolerance = .hosts(1), require: [Requirement] = [],
        supersededOK: Bool = false
    ) {
        self.timeout = timeout
        self.interval = interval
        self.requestTimeout = requestTimeout
        self.soak = soak
        self.stall = stall
        self.failAfter = failAfter
        self.maxStragglers = maxStragglers
        self.maxUnreachable = maxUnreachable
        self.maxFailed = maxFailed
        self.maxStragglersByLabel = maxStragglersByLabel
        self.maxUnreachableByLabel = maxUnreachableByLabel
        self.maxFailedByLabel = maxFailedByLabel
        self.minProven = minProven
        self.require = require
        self.supersededOK = supersededOK
    }

    /// Of a sweep: only the last answer ends it, however many hosts wait for their turn, and no fact grows stale before.
    static func sweep(requestTimeout: Duration) -> Policy {
        Policy(
            timeout: longestSweep, interval: longestSweep, requestTimeout: requestTimeout, soak: longestSweep,
            stall: longestSweep, maxFailed: .percent(100))
    }

    /// Longer than any sweep takes, and than any agent keeps an observation.
    static let longestSweep = Duration.seconds(86_400)

    /// Whether the soak cannot be over before the deadline, as in a sweep.
    var provesNothing: Bool { soak >= timeout }

    /// The age at which a fact no longer proves anything: three intervals.
    ///
    /// An interval counts as at least two seconds here, because an agent may answer with an observation of that age. Asking
    /// more often makes no knowledge newer.
    var freshness: Duration { max(interval, .seconds(2)) * 3 }

    /// The span in which two changes between match and no match make a host `flapping`: twice the soak.
    var flappingWindow: Duration { soak * 2 }

    /// Agents answer a request that carries a nonce with no older observation, as long as they can read their source.
    static let agentFreshness = Duration.seconds(2)

    /// Agents observe their source again for a request that carries a nonce where their last observation is older.
    static let agentPause = Duration.seconds(1)

    /// How much earlier an observation may seem than it was: ages are whole milliseconds, rounded up, and so is what a clock
    /// of another process adds.
    static let ageRounding = Duration.milliseconds(2)

    /// An agent that reports an older observation has lost its engine.
    static let maximumAge = Duration.seconds(60)
}
