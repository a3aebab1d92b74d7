package import Reports
package import Shared
import Synchronization
import Verdict

/// What a tag check knows of the tag of one fleet, for everybody who asks.
///
/// As with a ``FleetBoard``, values state when they were known, and readers compare that with the present.
package final class TagBoard: Sendable {
    private let content: Mutex<TagSnapshot>
    /// The requests to read the tag now.
    let hints = ChangeSignal()
    private let changes: ChangeSignal

    /// - Parameters:
    ///   - interval: how often the tag is read.
    ///   - changes: one sequence for all fleets of the process.
    package init(of image: ImageReference, interval: Duration, changes: ChangeSignal) {
        content = Mutex(TagSnapshot(image: image, interval: interval))
        self.changes = changes
    }

    package var snapshot: TagSnapshot { content.withLock(\.self) }

    /// Requests a read of the tag that begins after this call. Requests within two seconds cause one read.
    package func readNow() { hints.advance() }

    func update(_ change: (inout TagSnapshot) -> Void) {
        let isNews = content.withLock { content in
            let before = content
            change(&content)
            return !content.isSame(as: before)
        }
        if isNews { changes.advance() }
    }
}

/// What was known of a fleet's tag at a moment.
package struct TagSnapshot: Sendable {
    /// Whether tag, promotion and hosts agree.
    package enum State: String, CaseIterable, Sendable {
        /// The tag is the last promotion, and no host left it.
        case none
        /// There is a difference, for less than an interval, or nothing is promoted yet: a promotion may be under way.
        case pending
        case found
        /// The tag could not be read, or was read too long ago.
        case unknown
    }

    package let image: ImageReference
    /// How often the tag is read.
    package let interval: Duration
    /// The build that the tag points to; nil if the tag does not exist, or was never read.
    package internal(set) var build: Drift.Build?
    /// The differences of the tag and of the promotions, without those of hosts.
    package internal(set) var findings: [Drift.Finding] = []
    /// The number of builds that were never promoted; nil if the candidates could not be listed.
    package internal(set) var unpromoted: Int?
    /// The end of the last successful read.
    package internal(set) var readAt: ContinuousClock.Instant?
    /// The reason that the last read failed, or that the candidates could not be listed. One clean line.
    package internal(set) var problem: String?
    /// The number of reads, failed ones included.
    package internal(set) var reads = 0
    /// True if the last read failed.
    var hasFailed = false
    /// True for differences that may end by themselves.
    var isDoubted = false
    /// The rules with what was read; nil before the first read.
    var rules: DriftRules?

    init(image: ImageReference, interval: Duration) {
        self.image = image
        self.interval = interval
    }

    /// True if nothing but a time differs.
    fileprivate func isSame(as other: TagSnapshot) -> Bool {
        build == other.build && findings == other.findings && unpromoted == other.unpromoted
            && problem == other.problem && hasFailed == other.hasFailed && isDoubted == other.isDoubted
    }

    /// The age from which nothing is known of the tag: three intervals.
    package var freshness: Duration { interval * 3 }

    /// True if the tag was read that recently, and the last attempt did not fail.
    package func isFresh(at now: ContinuousClock.Instant) -> Bool {
        guard let readAt, !hasFailed else { return false }
        return now - readAt <= freshness
    }

    /// The hosts that left the last promotion, as far as their answers are fresh.
    package func hostFindings(in fleet: FleetSnapshot, at now: ContinuousClock.Instant) -> [Drift.Finding] {
        // Until the check has read a new promotion, there is nothing to compare the hosts with.
        guard let rules, rules.promotions.last?.generation == fleet.target?.generation else { return [] }
        let hosts = fleet.hosts.lazy.filter { host in
            host.status != .converged && fleet.isFresh(host.observedAt, at: now)
        }.map { host in
            DriftHost(
                name: host.name, gitSHA: host.gitSHA, digest: host.digest, isReached: host.facts.reach == .ok,
                build: host.facts.build)
        }
        return rules.hostFindings(Array(hosts), isCompared: true)
    }

    /// - Parameter hostFindings: as ``hostFindings(in:at:)`` gave them for the same moment.
    package func state(
        in fleet: FleetSnapshot, _ hostFindings: [Drift.Finding], at now: ContinuousClock.Instant
    ) -> State {
        guard isFresh(at: now), let rules else { return .unknown }
        // What was compared with an earlier promotion says nothing about this one.
        guard rules.promotions.last?.generation == fleet.target?.generation, !rules.promotions.isEmpty else {
            return .pending
        }
        guard hostFindings.isEmpty else { return .found }
        guard findings.contains(where: { $0.kind != .unpromoted }) else { return .none }
        return isDoubted ? .pending : .found
    }
}
