import Shared

/// How long, how often, and how much is tolerated.
package struct Policy: Hashable, Sendable {
    /// The hard limit for the whole verification.
    package var timeout: Duration = .seconds(600)
    /// How often a host is asked.
    package var interval: Duration = .seconds(2)
    /// One request, connect included.
    package var requestTimeout: Duration = .seconds(5)
    /// How long a match must hold, on the same instances.
    package var soak: Duration = .seconds(10)
    /// No label changed for so long: stop.
    package var stall: Duration = .seconds(180)
    /// Answers in a row that show a failed deploy; 1 or more.
    package var failAfter = 3
    package var maxStragglers = Tolerance.none
    package var maxUnreachable = Tolerance.none
    package var maxFailed = Tolerance.none
    /// Tolerances for the hosts of a label. The plain one is for the hosts that none of these is for; a host of several
    /// labels has to fit into each.
    package var maxStragglersByLabel: [GroupTolerance] = []
    package var maxUnreachableByLabel: [GroupTolerance] = []
    package var maxFailedByLabel: [GroupTolerance] = []
    /// Proven hosts below which nothing is tolerated.
    package var minProven = Tolerance.hosts(1)
    /// Hosts of a label that must be proven, whatever is tolerated.
    package var require: [Requirement] = []
    package var supersededOK = false
    /// Whether evidence from before the start counts: for a look around that proves nothing.
    package var countsEarlierEvidence = false

    package init(
        timeout: Duration = .seconds(600), interval: Duration = .seconds(2), requestTimeout: Duration = .seconds(5),
        soak: Duration = .seconds(10), stall: Duration = .seconds(180), failAfter: Int = 3,
        maxStragglers: Tolerance = Tolerance.none, maxUnreachable: Tolerance = Tolerance.none,
        maxFailed: Tolerance = Tolerance.none, maxStragglersByLabel: [GroupTolerance] = [],
        maxUnreachableByLabel: [GroupTolerance] = [], maxFailedByLabel: [GroupTolerance] = [],
        minProven: Tolerance = Tolerance.hosts(1), require: [Requirement] = [], supersededOK: Bool = false,
        countsEarlierEvidence: Bool = false
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
        self.countsEarlierEvidence = countsEarlierEvidence
    }

    /// After so long a fact proves nothing any more: three intervals.
    ///
    /// An interval counts as at least two seconds here, because an agent may answer with a look at its engine that is so
    /// old. Asking more often than that makes no knowledge newer.
    var freshness: Duration { max(interval, .seconds(2)) * 3 }

    /// The span in which two edges between match and not-match make a host `flapping`: twice the soak.
    var flappingWindow: Duration { soak * 2 }

    /// Agents answer a request that carries a nonce with no older look, as long as they can read their source.
    static let agentFreshness = Duration.seconds(2)

    /// Agents look again for a request that carries a nonce where their last look is older.
    static let agentPause = Duration.seconds(1)

    /// By so much a look may seem earlier than it was: ages are whole milliseconds, rounded up, and so is what a clock of
    /// another process adds.
    static let ageRounding = Duration.milliseconds(2)

    /// An agent that says that its knowledge is older has lost its engine.
    static let maximumAge = Duration.seconds(60)
}
