import FoundationEssentials
import Shared
import Verdict

/// Facts about a whole fleet that do not change the verdict but that readers should know.
///
/// Hosts are noted in any order, and are named in the inventory's.
struct FleetWarnings: Sendable {
    /// The place of a host in the inventory, and what is said of it.
    private typealias Note = (place: Int, text: String)

    /// True if the target has no digest, so that hosts can serve different images of its commit.
    private let comparesDigests: Bool
    private var served: [Digest?: Int] = [:]
    private var clocksOff: [Note] = []
    private var withoutHealthCheck = 0
    private var restarted: [Note] = []
    private var expired: [Note] = []
    private var agents = AgentVersions()

    init(comparesDigests: Bool) { self.comparesDigests = comparesDigests }

    /// - Parameters:
    ///   - track: the host's state.
    ///   - row: the same host as the report has it.
    ///   - place: its place in the inventory.
    mutating func note(_ track: HostTracker, _ row: Report.Host, at place: Int) {
        if comparesDigests, row.facts.build.isMatch { served[row.digest, default: 0] += 1 }
        if let offset = row.clockOffsetSeconds, abs(offset) > 60 {
            clocksOff.append((place, "\(Self.name(track)) by \(ReportText.duration(offset))"))
        }
        if let version = row.agentVersion { agents.note(version) }
        if track.host.waiver?.isExpired == true { expired.append((place, Self.name(track))) }
        guard track.status == .converged else { return }
        if track.lastAnswer.hostID != nil, !track.lastAnswer.hasHealthCheck { withoutHealthCheck += 1 }
        if track.restartWarning != nil { restarted.append((place, Self.name(track))) }
    }

    mutating func add(_ other: FleetWarnings) {
        served.merge(other.served, uniquingKeysWith: +)
        clocksOff += other.clocksOff
        withoutHealthCheck += other.withoutHealthCheck
        restarted += other.restarted
        expired += other.expired
        agents.add(other.agents)
    }

    func all(of verification: Verification, _ context: ReportBuilder.Context) -> [String] {
        [
            Self.leftOut(of: verification, context), Self.promotedAgain(verification, context),
            differingDigests, clocks, healthChecks, restarts, expiredWaivers,
            agents.warning,
        ].compactMap { $0 }
    }

    /// A green report on a part of the fleet must not be mistaken for one on the whole fleet.
    private static func leftOut(of verification: Verification, _ context: ReportBuilder.Context) -> String? {
        let hosts = verification.tracks.count
        guard let listed = context.listed, listed > hosts else { return nil }
        let terms = context.selected.joined(separator: ", ")
        return "only hosts with \(terms) were asked: \(listed - hosts) of \(listed.hostCount) left out"
    }

    /// Without a journal entry by `promote`, an intended rollback looks exactly like a late older job.
    private static func promotedAgain(_ verification: Verification, _ context: ReportBuilder.Context) -> String? {
        let target = verification.target
        let promotions = verification.promotions
        // A status promotes nothing.
        guard !context.isSweep else { return nil }
        let rule = PromotionRule(gitSHA: target.gitSHA, digest: target.digest)
        guard let generation = target.generation, let last = promotions.last,
            generation == last.generation, last.change == nil,
            let earlier = promotions.last(where: { $0.generation < generation && rule.isSame(as: $0) })
        else { return nil }
        return
            "promotion no. \(earlier.generation) was already this build; this run counts as promoting it again, as no. "
            + "\(generation). If it is a late job, give --generation \(earlier.generation)"
    }

    /// With a commit alone, hosts can serve different images built from it.
    private var differingDigests: String? {
        guard served.keys.compactMap({ $0 }).count > 1 else { return nil }
        let list = served.sorted { ($1.value, $0.key?.hex ?? "") < ($0.value, $1.key?.hex ?? "") }
            .map { "\($0.key?.short ?? "no digest") on \($0.value.hostCount)" }
        return "hosts serve different images of the commit: \(list.joined(separator: ", "))"
    }

    private var clocks: String? {
        guard !clocksOff.isEmpty else { return nil }
        return "clocks are off (no verdict depends on them): \(Self.listed(clocksOff, limit: 3))"
    }

    private var healthChecks: String? {
        guard withoutHealthCheck > 0 else { return nil }
        return "\(withoutHealthCheck.hostCount) converged without a health check: only that the container runs is known"
    }

    private var restarts: String? {
        guard !restarted.isEmpty else { return nil }
        return
            "\(restarted.count.hostCount) converged after restarts of the container: \(Self.listed(restarted, limit: 5))"
    }

    private var expiredWaivers: String? {
        guard !expired.isEmpty else { return nil }
        return "waivers that expire before the deadline do not apply: \(Self.listed(expired, limit: 5))"
    }

    private static func listed(_ notes: [Note], limit: Int) -> String {
        notes.sorted { $0.place < $1.place }.map(\.text).listed(limit: limit)
    }

    private static func name(_ track: HostTracker) -> String { Sanitizer.singleLine(track.host.name, limit: 64) }
}
