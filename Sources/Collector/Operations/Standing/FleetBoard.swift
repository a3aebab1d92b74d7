import CollectorSupport
import Foundation
package import Ledger
package import Shared
import Synchronization
package import Verdict

/// What a standing check knows of one fleet, for everybody who asks.
///
/// Readers take a ``FleetSnapshot``. Its values state when they were known, and readers compare that with the present: nothing
/// here expires by a timer, which could hang.
package final class FleetBoard: Sendable {
    private let service: DeployedService
    private let content: Mutex<FleetSnapshot>
    private let changes: ChangeSignal
    package let recorder: ChangeRecorder?
    /// By the names of the hosts. Nothing here is shown as present.
    private let logs: Mutex<[String: HostLog]>

    /// - Parameters:
    ///   - changes: one sequence for all fleets of the process.
    ///   - recorder: records the changes of hosts; nil to record none.
    ///   - record: what the ledger has of the hosts.
    package convenience init(
        of deployed: DeployedService, changes: ChangeSignal, recorder: ChangeRecorder? = nil,
        after record: StandingRecord = StandingRecord()
    ) {
        self.init(
            of: deployed, changes: changes, recorder: recorder,
            logs: record.hosts.mapValues { HostLog(after: $0, seenUntil: record.seenUntil) })
    }

    /// Goes on with the changes of hosts after an earlier board of the fleet.
    package convenience init(after board: FleetBoard) {
        self.init(
            of: board.service, changes: board.changes, recorder: board.recorder,
            logs: board.logs.withLock(\.self))
    }

    private init(
        of deployed: DeployedService, changes: ChangeSignal, recorder: ChangeRecorder?, logs: [String: HostLog]
    ) {
        service = deployed
        content = Mutex(FleetSnapshot(deployed: deployed))
        self.changes = changes
        self.recorder = recorder
        self.logs = Mutex(logs)
        recorder?.follow(self, of: deployed)
    }

    package var snapshot: FleetSnapshot { content.withLock(\.self) }

    /// When every host was last seen as its last change says, RFC 3339; nil before any host was.
    var seenUntil: String? { logs.withLock { $0.values.compactMap(\.seenAt).min()?.rfc3339 } }

    /// Notes why something could not be read; nil once it could.
    func note(_ problem: String?) {
        content.withLock { content in
            if content.problem != problem { content.problem = problem }
        }
    }

    /// Begins a session. Hosts that were known keep what they served, and are compared with the target once they answer again.
    func begin(_ verification: Verification, promotion: Promotion?, at start: ContinuousClock.Instant) {
        let number = changes.advance()
        let isSameTarget = content.withLock { content in
            let known = Dictionary(content.hosts.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
            let target = verification.target.isComparable ? verification.target : nil
            // What an earlier process compared with does not matter: nothing of it is shown.
            let isSameTarget = content.hosts.isEmpty || content.target == target
            content.target = target
            content.promotedAt = promotion?.at
            content.keep(verification.timing)
            content.start = start
            content.hosts = verification.tracks.map { track in
                var view = HostView(track.host, number: number)
                guard let known = known[view.name] else { return view }
                view.keep(known)
                return view
            }
            content.number = number
            return isSameTarget
        }
        let names = Set(verification.tracks.map { HostView.name(of: $0.host) })
        logs.withLock { logs in
            for name in Array(logs.keys) {
                if names.contains(name) {
                    logs[name]?.begin(isSameTarget: isSameTarget)
                } else if let change = logs.removeValue(forKey: name)?.leaving(at: Date()) {
                    recorder?.add(change)
                }
            }
        }
    }

    /// Takes over what is known of a host at this time of the session.
    ///
    /// - Parameter isAnswer: true if a request to the host ended at this time, with or without an answer.
    func take(_ host: Int, of verification: Verification, at moment: Duration, isAnswer: Bool) {
        let track = verification.tracks[host]
        let seen: HostView? = content.withLock { content in
            guard content.hosts.indices.contains(host) else { return nil }
            content.keep(verification.timing)
            if isAnswer { content.hosts[host].askedAt = content.start + moment }
            let isNews = content.hosts[host].take(
                track, isCompared: verification.target.isComparable, policy: verification.timing,
                at: moment, start: content.start)
            if isNews {
                content.number = changes.advance()
                content.hosts[host].number = content.number
            }
            return isNews || isAnswer ? content.hosts[host] : nil
        }
        guard let seen, let sight = HostSight(seen, track) else { return }
        // A host that is not known yet is known after its soak, or a few rounds.
        let patience = verification.timing.soak + verification.timing.freshness * 2
        logs.withLock { logs in
            let change = logs[seen.name, default: HostLog(of: seen.name, in: service)].take(sight, patience: patience)
            // Under this lock: otherwise seenUntil could be later than a change that does not wait yet.
            if let change { recorder?.add(change) }
        }
    }
}

extension HostSight {
    /// - Returns: nil for a host of which nothing new is known: it was not asked, or answered with what it had seen before.
    fileprivate init?(_ host: HostView, _ track: HostTracker) {
        let reach = track.facts.reach
        let isSilent: Bool =
            switch host.status {
            case .unreachable, .agentError, .conflict, .missing: true
            default: reach != .ok
            }
        let isServed = track.evidence != nil && !isSilent
        guard reach != .never, reach != .notSent, isServed || host.status != .pending else { return nil }
        let now = Date()
        let age = host.observedAt.map { (ContinuousClock.now - $0).seconds } ?? 0
        self.init(
            status: host.status, finding: host.reason.finding, gitSHA: isServed ? host.gitSHA : nil,
            digest: isServed ? host.digest : nil, instances: isServed ? track.lastAnswer.instancesMark : nil, at: now,
            observedAt: isServed ? now.addingTimeInterval(-max(0, age)) : now)
    }
}

/// What was known of a fleet at a moment.
package struct FleetSnapshot: Sendable {
    package let deployed: DeployedService
    /// nil without a promotion: nothing is compared then.
    package internal(set) var target: Target?
    /// RFC 3339.
    package internal(set) var promotedAt: String?
    /// In the inventory's order, with unique names.
    package internal(set) var hosts: [HostView] = []
    /// The age from which a value is not fresh: three of the intervals that are kept.
    package internal(set) var freshness = Duration.zero
    /// The age from which it is unknown whether a host answers: a request may take its whole timeout.
    fileprivate var patience = Duration.zero
    /// The number of the fleet's last change. It grows with every change of any fleet of the process.
    package internal(set) var number: UInt64 = 0
    /// What could not be read, and why; nil if all is well. One clean line.
    package internal(set) var problem: String?
    fileprivate var start = ContinuousClock.now

    init(deployed: DeployedService) {
        self.deployed = deployed
    }

    fileprivate mutating func keep(_ timing: Policy) {
        freshness = timing.freshness
        patience = timing.freshness + timing.requestTimeout
    }

    /// True if something is that young.
    package func isFresh(_ moment: ContinuousClock.Instant?, at now: ContinuousClock.Instant) -> Bool {
        moment.map { now - $0 <= freshness } ?? false
    }

    /// True if hosts were asked that recently, a request's timeout included.
    package func isKept(_ moment: ContinuousClock.Instant?, at now: ContinuousClock.Instant) -> Bool {
        moment.map { now - $0 <= patience } ?? false
    }

    /// The status to show: nil, which is unknown, where it is too long ago that the host was asked, or a proof is not fresh.
    package func status(_ host: HostView, at now: ContinuousClock.Instant) -> HostStatus? {
        guard isKept(host.askedAt, at: now) else { return nil }
        guard host.status == .converged || host.status == .soaking else { return host.status }
        return isFresh(host.observedAt, at: now) ? host.status : nil
    }

    /// The numbers of hosts of the gate by status. With ``unknown``, they add up to ``expected``.
    package struct Counts: Hashable, Sendable {
        package fileprivate(set) var statuses: [HostStatus: Int] = [:]
        package fileprivate(set) var unknown = 0
        package fileprivate(set) var expected = 0
        package fileprivate(set) var waived = 0

        package var proven: Int { statuses[.converged, default: 0] }
    }

    package func counts(at now: ContinuousClock.Instant) -> Counts {
        var counts = Counts()
        for host in hosts {
            guard !host.isWaived else {
                counts.waived += 1
                continue
            }
            counts.expected += 1
            if let status = status(host, at: now) {
                counts.statuses[status, default: 0] += 1
            } else {
                counts.unknown += 1
            }
        }
        return counts
    }

    /// The end of the last round: since then, every host was asked, and the request ended. nil before the first round.
    package var roundAt: ContinuousClock.Instant? {
        var earliest: ContinuousClock.Instant?
        for host in hosts {
            guard let asked = host.askedAt else { return nil }
            earliest = min(earliest ?? asked, asked)
        }
        return earliest
    }

    /// The last time at which any host gave a usable answer.
    package var heardAt: ContinuousClock.Instant? { hosts.compactMap(\.observedAt).max() }

    /// True if the last round is fresh, and at least one host answered in it: if none does, this process may be cut off.
    package func isFresh(at now: ContinuousClock.Instant) -> Bool {
        isKept(roundAt, at: now) && isFresh(heardAt, at: now)
    }
}

/// What is known of one host.
package struct HostView: Sendable {
    package let name: String
    package let url: String
    package let labels: [String: String]
    package let isWaived: Bool
    package fileprivate(set) var status = HostStatus.pending
    package fileprivate(set) var reason = ReasonText("not asked yet")
    package fileprivate(set) var gitSHA: GitSHA?
    package fileprivate(set) var digest: Digest?
    package fileprivate(set) var facts = HostFacts()
    /// The time of the last change of the status.
    package fileprivate(set) var since: ContinuousClock.Instant?
    /// The end of the last request.
    package fileprivate(set) var askedAt: ContinuousClock.Instant?
    /// The time of the last observation of what the host serves; nil if there was none.
    package fileprivate(set) var observedAt: ContinuousClock.Instant?
    /// The number of the host's last change, see ``FleetSnapshot/number``.
    package fileprivate(set) var number: UInt64
    private var cause: HostReason?

    fileprivate init(_ host: ExpectedHost, number: UInt64) {
        name = Self.name(of: host)
        url = Sanitizer.singleLine(host.url, limit: 2_048)
        labels = Dictionary(
            host.labels.map { (Sanitizer.singleLine($0, limit: 128), Sanitizer.singleLine($1, limit: 255)) },
            uniquingKeysWith: { first, _ in first })
        isWaived = host.isWaived
        self.number = number
    }

    fileprivate static func name(of host: ExpectedHost) -> String { Sanitizer.singleLine(host.name, limit: 255) }

    /// Keeps what the host served, but not how that compared with an earlier target.
    fileprivate mutating func keep(_ known: HostView) {
        (gitSHA, digest, observedAt, askedAt) = (known.gitSHA, known.digest, known.observedAt, known.askedAt)
        reason = ReasonText("not compared with the target yet")
        facts.runtime = known.facts.runtime
    }

    /// - Returns: true if something else than a time changed.
    fileprivate mutating func take(
        _ track: HostTracker, isCompared: Bool, policy: Policy, at now: Duration, start: ContinuousClock.Instant
    ) -> Bool {
        if let observed = track.observedAt { observedAt = start + observed }
        let facts = track.facts
        let evidence = track.evidence
        let cause = track.reason(at: now, policy: policy)
        let status = isCompared ? track.status : track.status.uncompared(facts)
        let isSame =
            self.cause == cause && self.status == status && self.facts == facts
            && (evidence == nil || gitSHA == evidence?.gitSHA.value && digest == evidence?.shownDigest)
        guard !isSame else { return false }
        if self.status != status || since == nil { since = start + (track.transitions.last?.at ?? now) }
        self.cause = cause
        self.status = status
        self.facts = facts
        if let evidence { (gitSHA, digest) = (evidence.gitSHA.value, evidence.shownDigest) }
        if !isCompared, facts.reach == .ok, evidence != nil {
            reason = ReasonText("no promotion is recorded yet, so there is no target to compare with")
        } else {
            reason = cause.text.sanitised
        }
        return true
    }
}

extension HostStatus {
    /// The status of a host that is compared with nothing: without a fault it is pending.
    fileprivate func uncompared(_ facts: HostFacts) -> HostStatus {
        facts.reach == .ok && self == .unverifiable && facts.build == .unidentified ? .pending : self
    }
}
