import FoundationEssentials
import Shared
import Verdict

/// What a reader should know of a fleet although it changes no verdict.
struct FleetWarnings {
    private let tracks: [HostTracker]
    private let target: Target
    private let promotions: [Promotion]
    private let context: ReportBuilder.Context

    private var startedAt: Date { context.startedAt }

    init(_ verification: Verification, _ context: ReportBuilder.Context) {
        tracks = verification.tracks
        target = verification.target
        promotions = verification.promotions
        self.context = context
    }

    var all: [String] {
        [leftOut, promotedAgain, differingDigests, clocks, healthChecks, restarts, expiredWaivers].compactMap { $0 }
    }

    /// A green report of a part of the fleet must not be taken for one of all of it.
    private var leftOut: String? {
        guard let listed = context.listed, listed > tracks.count else { return nil }
        let terms = context.selected.joined(separator: ", ")
        return "only hosts with \(terms) were asked: \(listed - tracks.count) of \(listed.hostCount) left out"
    }

    /// Nothing tells a rollback from an older job that runs late, but for the journal of one that was made by `promote`.
    private var promotedAgain: String? {
        let rule = PromotionRule(gitSHA: target.gitSHA, digest: target.digest)
        guard let generation = target.generation, let last = promotions.last,
            generation == last.generation, last.change == nil,
            let earlier = promotions.last(where: { $0.generation < generation && rule.isSame(as: $0) })
        else { return nil }
        return "generation \(earlier.generation) was this build too, and it counts as promoted again, as generation "
            + "\(generation): a job that is merely late says --generation \(earlier.generation)"
    }

    /// With a commit alone, hosts may serve different images of it.
    private var differingDigests: String? {
        guard target.digest == nil else { return nil }
        let matching = tracks.filter { $0.facts.build.isMatch }
        let counts = Dictionary(grouping: matching, by: { $0.evidence?.shownDigest }).mapValues(\.count)
        guard counts.keys.compactMap({ $0 }).count > 1 else { return nil }
        let list = counts.sorted { ($1.value, $0.key?.hex ?? "") < ($0.value, $1.key?.hex ?? "") }
            .map { "\($0.key?.short ?? "no digest") on \($0.value.hostCount)" }
        return "the commit is served from different images: \(list.joined(separator: ", "))"
    }

    private var clocks: String? {
        let off = tracks.compactMap { track in
            track.clockOffset(startedAt: startedAt).flatMap { abs($0) > 60 ? (track.host.name, $0) : nil }
        }
        guard !off.isEmpty else { return nil }
        let shown = off.prefix(3).map { name, offset in
            "\(Sanitizer.singleLine(name, limit: 64)) by \(Duration(clampingSeconds: offset).brief)"
        }
        let more = off.count > 3 ? " and \(off.count - 3) more" : ""
        return "clocks are off (no verdict depends on them): \(shown.joined(separator: ", "))\(more)"
    }

    private var healthChecks: String? {
        let without = tracks.count {
            $0.status == .converged && $0.lastAnswer.hostID != nil && !$0.lastAnswer.hasHealthCheck
        }
        guard without > 0 else { return nil }
        return "\(without.hostCount) converged without a health check: running is all that is known"
    }

    private var restarts: String? {
        let restarted = tracks.filter { $0.restartWarning != nil }
        guard !restarted.isEmpty else { return nil }
        let names = restarted.prefix(5).map { Sanitizer.singleLine($0.host.name, limit: 64) }.joined(separator: ", ")
        let more = restarted.count > 5 ? " and \(restarted.count - 5) more" : ""
        return "\(restarted.count.hostCount) converged after restarts of the container: \(names)\(more)"
    }

    private var expiredWaivers: String? {
        let expired = tracks.filter { $0.host.waiver?.isExpired == true }.map {
            Sanitizer.singleLine($0.host.name, limit: 64)
        }
        guard !expired.isEmpty else { return nil }
        let names = expired.prefix(5).joined(separator: ", ")
        return "waivers have expired, or will before the deadline, and count no more: \(names)"
    }
}
