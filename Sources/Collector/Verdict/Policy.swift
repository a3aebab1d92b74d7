import Shared

/// How long, how often, and how much is tolerated.
struct Policy: Hashable, Sendable {
    /// The hard limit for the whole verification.
    var timeout: Duration = .seconds(600)
    /// How often a host is asked.
    var interval: Duration = .seconds(2)
    /// One request, connect included.
    var requestTimeout: Duration = .seconds(5)
    /// How long a match must hold, on the same instances.
    var soak: Duration = .seconds(10)
    /// No label changed for so long: stop.
    var stall: Duration = .seconds(180)
    /// Answers in a row that show a failed deploy; 1 or more.
    var failAfter = 3
    var maxStragglers = Tolerance.none
    var maxUnreachable = Tolerance.none
    var maxFailed = Tolerance.none
    /// Tolerances for the hosts of a label. The plain one is for the hosts that none of these is for; a host of several
    /// labels has to fit into each.
    var maxStragglersByLabel: [GroupTolerance] = []
    var maxUnreachableByLabel: [GroupTolerance] = []
    var maxFailedByLabel: [GroupTolerance] = []
    /// Proven hosts below which nothing is tolerated.
    var minProven = Tolerance.hosts(1)
    /// Hosts of a label that must be proven, whatever is tolerated.
    var require: [Requirement] = []
    var supersededOK = false
    /// Whether evidence from before the start counts: for a look around that proves nothing.
    var countsEarlierEvidence = false

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
