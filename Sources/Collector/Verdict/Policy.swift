import Shared

/// The timing of a verification, and its tolerances.
package struct Policy: Hashable, Sendable {
    /// The hard limit for the whole verification.
    package var timeout: Duration
    /// The regular time between two requests to a host.
    package var interval: Duration
    /// The timeout of one request, including the connection.
    package var requestTimeout: Duration
    /// How long a match must hold on the same instances.
    package var soak: Duration
    /// The time without a change of status after which the verification stops.
    package var stall: Duration
    /// The number of consecutive answers that show a failed deploy; 1 or more.
    package var failAfter: Int
    package var maxStragglers: Tolerance
    package var maxUnreachable: Tolerance
    package var maxFailed: Tolerance
    /// Tolerances for the hosts with a label. The plain tolerance applies to the hosts that none of them covers. A host with
    /// several such labels must fit into each.
    package var maxStragglersByLabel: [GroupTolerance]
    package var maxUnreachableByLabel: [GroupTolerance]
    package var maxFailedByLabel: [GroupTolerance]
    /// The number of proven hosts below which nothing is tolerated.
    package var minProven: Tolerance
    /// The shares of hosts with a label that must be proven, whatever is tolerated.
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

    /// The policy of a sweep: only the last answer ends it, however many hosts are queued, and no fact becomes stale before.
    ///
    /// - Parameter interval: how often the hosts are asked again; nil to ask each once.
    static func sweep(requestTimeout: Duration, interval: Duration?) -> Policy {
        Policy(
            timeout: longestSweep, interval: interval ?? longestSweep, requestTimeout: requestTimeout,
            soak: longestSweep,
            stall: longestSweep, maxFailed: .percent(100))
    }

    /// The policy of a standing check, which has no deadline.
    var standing: Policy {
        var standing = self
        (standing.timeout, standing.stall) = (Self.unlimited, Self.unlimited)
        return standing
    }

    /// How long another machine must answer in a host's place, and alone, to count as the host in a standing check.
    static let replacement = Duration.seconds(600)

    /// Longer than any process runs.
    private static let unlimited = Duration.seconds(100 * 366 * 86_400)

    /// Longer than any sweep takes, and than any agent keeps an observation.
    static let longestSweep = Duration.seconds(86_400)

    /// How long a host must serve without a restart for its earlier crashes to count no longer: the soak, and a minute where
    /// nothing is proven.
    var recovery: Duration { soak == Self.longestSweep ? .seconds(60) : soak }

    /// The same policy for a fleet whose hosts are queried at this interval, if it is longer than the policy's.
    func paced(at kept: Duration) -> Policy {
        var paced = self
        paced.interval = max(interval, kept)
        return paced
    }

    /// True if the soak cannot end before the deadline, as in a sweep.
    var provesNothing: Bool { soak >= timeout }

    /// The age from which a fact proves nothing: three intervals.
    ///
    /// An interval counts as at least two seconds, because an agent can answer with an observation of that age. Faster
    /// polling does not make observations newer.
    package var freshness: Duration { max(interval, .seconds(2)) * 3 }

    /// The span in which two changes between match and no match make a host `flapping`: twice the soak.
    var flappingWindow: Duration { soak * 2 }

    /// The maximum age of the observation in an answer to a request with a nonce, as long as the agent can read its source.
    static let agentFreshness = Duration.seconds(2)

    /// The age from which an agent observes its source again for a request with a nonce.
    static let agentPause = Duration.seconds(1)

    /// The maximum error by which an observation seems too early: ages are rounded up to whole milliseconds, and so is the
    /// difference to the clock of another process.
    static let ageRounding = Duration.milliseconds(2)

    /// The age from which an observation means that the agent has lost its engine.
    static let maximumAge = Duration.seconds(60)
}
