import Shared

/// Derives the verdict from the statuses at the end: the causes that apply, what is tolerated, and the order of the causes.
struct VerdictRules {
    private let verification: Verification
    private let now: Duration
    private let proven: Int

    init(_ verification: Verification, at now: Duration) {
        self.verification = verification
        self.now = now
        proven = verification.proven(at: now)
    }

    private var policy: Policy { verification.policy }
    private var expected: Int { verification.expected }
    /// The positions of the hosts in the gate. Trackers are read in place: to copy one costs more than what is read of it.
    private var gated: some Sequence<Int> {
        verification.tracks.indices.lazy.filter { !verification.tracks[$0].host.isWaived }
    }

    /// A host that a cause is about. Large fleets have many, so it is no copy of the host.
    private struct GatedHost {
        let position: Int
        let status: HostStatus
        /// True if the host was not queried since the collector's last suspension.
        let isUnasked: Bool
        /// What the collector lacked to query the host; nil unless that is why it is unreachable.
        let shortage: String?
    }

    private func hosts(where isIncluded: (Int) -> Bool) -> [GatedHost] { gated.filter(isIncluded).map(gatedHost) }

    private func gatedHost(_ position: Int) -> GatedHost {
        let status = verification.tracks[position].status
        return GatedHost(
            position: position, status: status, isUnasked: verification.tracks[position].isUnasked,
            shortage: status == .unreachable && verification.tracks[position].isUnsent
                ? verification.tracks[position].outcomeDetail : nil)
    }

    private func isIn(_ scope: LimitScope, _ host: GatedHost) -> Bool {
        scope.coversEveryHost || scope.contains(verification.tracks[host.position].host)
    }

    func conclude(_ ending: Verification.Ending) -> Conclusion {
        var reasons = causes(ending, isTolerant: true)
        let minimum = max(1, policy.minProven.limit(of: expected))
        let isShort = proven < expected && proven < minimum
        if reasons.isEmpty, isShort {
            // Tolerance cannot turn too little proof into success: the hosts that it would cover count after all.
            reasons = causes(ending, isTolerant: false)
            if !reasons.isEmpty {
                reasons[0].message +=
                    "; not tolerated, because only \(proven) of at least \(minimum) \(proven == 1 ? "is" : "are") proven"
            }
        }
        if case .interrupted(let signal) = ending {
            let name = [1: "SIGHUP", 2: "SIGINT", 15: "SIGTERM"][signal] ?? "signal \(signal)"
            let pending = Reason(
                verdict: .interrupted, code: .interrupted, hosts: expected - proven,
                message: "interrupted by \(name): \(proven) of \(expected) hosts were proven")
            return conclusion([pending] + reasons, exitCode: ExitStatus.interrupted(by: signal).rawValue)
        }
        guard let worst = reasons.first else { return success() }
        // An image that was put back is not newer.
        let isPutBack = verification.successor == nil && verification.movedTag?.isFormer == true
        let isFine = worst.verdict == .superseded && policy.supersededOK && !isPutBack
        return conclusion(reasons, exitCode: isFine ? ExitStatus.success.rawValue : worst.verdict.exitCode)
    }

    private func conclusion(_ reasons: [Reason], exitCode: Int32) -> Conclusion {
        Conclusion(verdict: reasons[0].verdict, exitCode: exitCode, reasons: reasons, at: now)
    }

    private func success() -> Conclusion {
        // The checks before every green verdict. No proven host means no success, however few were expected. Required hosts
        // must exist, even if no host is at fault.
        for scope in verification.budget.scopes(.required) {
            guard let reason = scope.requirement?.shortage(expected: scope.expected, waived: 0) else { continue }
            return conclusion([reason], exitCode: reason.verdict.exitCode)
        }
        guard proven > 0, unmet(isOver: true).isEmpty else {
            let message = "required hosts were not proven, and no cause was found"
            let reason = Reason(verdict: .inconclusive, code: .nothingProven, hosts: expected, message: message)
            return conclusion([reason], exitCode: reason.verdict.exitCode)
        }
        guard proven < expected else {
            let message =
                proven == 1
                ? "the only host is proven to serve the target" : "all \(proven) hosts are proven to serve the target"
            let reason = Reason(verdict: .converged, code: .allProven, hosts: proven, message: message)
            return conclusion([reason], exitCode: reason.verdict.exitCode)
        }
        let rest = hosts { verification.tracks[$0].status != .converged }
        let tolerated =
            "\(proven) of \(expected.hostCount) proven; tolerated: \(names(rest)) (\(Self.tally(rest)))"
        let message = ([tolerated] + toleratedByLabel(rest)).joined(separator: "; ")
        let reason = Reason(verdict: .convergedTolerated, code: .restTolerated, hosts: proven, message: message)
        return conclusion([reason], exitCode: reason.verdict.exitCode)
    }

    // MARK: - Causes

    /// Every cause that applies, in the order of the exit codes.
    private func causes(_ ending: Verification.Ending, isTolerant: Bool) -> [Reason] {
        let hosts = Dictionary(
            grouping: hosts { verification.tracks[$0].status.category != .proven }, by: \.status.category)
        let unmet = unmet(isOver: ending.isOver)

        var causes: [Reason] = []
        func add(
            _ verdict: Verdict, _ code: Reason.Code, _ hosts: [GatedHost], _ text: String, names isNaming: Bool = true
        ) {
            let names = hosts.isEmpty || !isNaming ? "" : ": \(self.names(hosts))"
            let demands = unmet.filter { scope in hosts.contains { isIn(scope, $0) } }.map(demand)
            let message = ([text + names] + demands).joined(separator: "; ")
            causes.append(Reason(verdict: verdict, code: code, hosts: hosts.count, message: message))
        }
        /// The exceptions of one kind that exceed the tolerance.
        func excess(_ purpose: LimitScope.Purpose, _ category: HostStatus.Category) -> Excess {
            let exceptions = hosts[category] ?? []
            return isTolerant
                ? Excess(exceptions, verification.budget.scopes(purpose), unmet, isIn: isIn) : Excess(exceptions)
        }
        if let conflicting = hosts[.conflict] {
            add(
                .identityConflict, .identityConflict, conflicting,
                "another host answered, or a cache, or two hosts with one id")
        }
        let failed = excess(.failed, .failed)
        if !failed.hosts.isEmpty {
            add(
                .failedDeploy, .deployFailed, failed.hosts,
                failed.text ?? "the deploy failed on \(failed.hosts.count.hostCount)")
        }
        if let back = hosts[.rolledBack] {
            add(.rolledBack, .wentBack, back, "served the target and went back")
        }
        let unproven = excess(.unproven, .unproven)
        let behind = excess(.behind, .behind)
        let short = ending.isOver ? unproven.hosts.filter { $0.shortage != nil } : []
        // Where the deadline passed during a suspension, nothing was read since: neither the hosts nor the promotions.
        let isOverslept = verification.suspensions.last.map { $0.until >= policy.timeout } ?? false
        let silenced =
            isOverslept ? self.hosts { verification.tracks[$0].status != .converged } : unproven.hosts + behind.hosts
        let unasked = ending.isOver ? silenced.filter(\.isUnasked) : []
        let lost = lostTogether()
        if !lost.isEmpty {
            add(
                .inconclusive, .lostTogether, lost,
                "most hosts were lost at once: check this collector's network and resolver first")
        } else if let shortage = short.first?.shortage {
            add(.inconclusive, .collectorShort, short, shortage)
        } else if let suspension = verification.suspensions.last, !unasked.isEmpty {
            add(
                .inconclusive, .collectorSuspended, unasked,
                "the collector was suspended for \(suspension.duration.brief), and \(unasked.count.hostCount) did not answer "
                    + "again before the end")
        }
        if let progress = SupersedeProgress(verification) {
            add(.superseded, .newerPromotion, hosts[.ahead] ?? [], progress.message, names: false)
        } else if let tag = verification.movedTag {
            add(.superseded, tag.code, hosts[.ahead] ?? [], tag.message, names: false)
        } else if let ahead = hosts[.ahead] {
            add(
                .superseded, .hostsAhead, ahead,
                ahead.count == 1 ? "serves a later promotion" : "serve a later promotion")
        }
        guard ending.isOver else { return causes }
        let silent = unproven.hosts.filter { $0.shortage == nil }
        if !silent.isEmpty {
            add(
                .unreachable, .noUsableAnswer, silent,
                unproven.text ?? "\(silent.count.hostCount) gave no usable answer"
            )
        }
        if ending == .stall, !unproven.hosts.isEmpty || !behind.hosts.isEmpty {
            add(.stalled, .nothingChanged, [], "nothing changed for \(policy.stall.brief)")
            causes[causes.count - 1].hosts = expected - proven
        }
        if !behind.hosts.isEmpty {
            add(
                .stragglers, .notConverged, behind.hosts,
                behind.text ?? "\(behind.hosts.count.hostCount) did not converge within \(now.brief)")
        }
        return causes
    }

    // MARK: - Limits by label

    /// Exceptions of one kind that are not tolerated.
    private struct Excess {
        let hosts: [GatedHost]
        /// Counts by scope, as text; nil if no tolerance of this kind is by label.
        let text: String?

        /// Counts all exceptions.
        init(_ exceptions: [GatedHost]) {
            (hosts, text) = (exceptions, nil)
        }

        /// Counts those in a scope with too many, and those of an unmet requirement, which tolerance never covers.
        init(
            _ exceptions: [GatedHost], _ scopes: [LimitScope], _ unmet: [LimitScope],
            isIn: (LimitScope, GatedHost) -> Bool
        ) {
            let broken = scopes.map { scope in (scope, exceptions.count { isIn(scope, $0) }) }.filter {
                $1 > $0.limit
            }
            let isIntolerable = broken.map(\.0) + unmet
            hosts = exceptions.filter { exception in isIntolerable.contains { isIn($0, exception) } }
            text =
                scopes.count > 1 && !broken.isEmpty
                ? broken.map { $0.sentence($1) }.joined(separator: "; ") : nil
        }
    }

    /// The unmet requirements. Before the end, only those that cannot be met while failed hosts stay failed.
    private func unmet(isOver: Bool) -> [LimitScope] {
        verification.budget.scopes(.required).filter { isOver ? proven(in: $0) < $0.limit : $0.isBrokenByFailures }
    }

    private func proven(in scope: LimitScope) -> Int {
        gated.count {
            scope.contains(verification.tracks[$0].host)
                && verification.isProven($0, at: now)
        }
    }

    private func demand(_ scope: LimitScope) -> String {
        let proven = proven(in: scope)
        return
            "--require \(scope.requirement.map { "\($0)" } ?? "") asks for \(scope.limit) of \(scope.expected) proven, and \(proven) "
            + (proven == 1 ? "is" : "are")
    }

    /// One sentence for every tolerance by label that covered a host.
    private func toleratedByLabel(_ rest: [GatedHost]) -> [String] {
        let kinds: [(LimitScope.Purpose, HostStatus.Category)] = [
            (.failed, .failed), (.unproven, .unproven), (.behind, .behind),
        ]
        return kinds.flatMap { purpose, category in
            let exceptions = rest.filter { $0.status.category == category }
            return verification.budget.scopes(purpose).filter { $0.group != nil }
                .map { scope in (scope, exceptions.count { isIn(scope, $0) }) }.filter { $1 > 0 }.map {
                    $0.sentence($1)
                }
        }
    }

    /// The hosts that answered before and fell silent within one interval; empty unless they are most of the fleet.
    ///
    /// Hosts are queried one interval apart, so when a network breaks, all of its hosts fall silent within one interval.
    /// Another half interval allows for requests that waited. At least 5 hosts, and more than half.
    private func lostTogether() -> [GatedHost] {
        let lost = gated.filter { verification.tracks[$0].hasAnswered }
            .compactMap { position in verification.tracks[position].silentSince.map { (position, silentSince: $0) } }
            .sorted { $0.silentSince < $1.silentSince }
        let minimum = max(5, expected / 2 + 1)
        guard lost.count >= minimum else { return [] }
        let window = verification.timing.interval + verification.timing.interval / 2
        let isTogether = (0...(lost.count - minimum)).contains { first in
            lost[first + minimum - 1].silentSince - lost[first].silentSince <= window
        }
        return isTogether ? lost.map { gatedHost($0.0) } : []
    }

    // MARK: - Text

    /// The first names, and the number of further ones.
    private func names(_ hosts: [GatedHost]) -> String {
        let shown = hosts.prefix(3).map {
            Sanitizer.singleLine(verification.tracks[$0.position].host.name, limit: 64)
        }.joined(separator: ", ")
        return hosts.count > 3 ? "\(shown) and \(hosts.count - 3) more" : shown
    }

    private static func tally(_ hosts: [GatedHost]) -> String {
        let counts = Dictionary(grouping: hosts, by: \.status).mapValues(\.count)
        return counts.sorted { $0.key.rank < $1.key.rank }.map { "\($0.value) \($0.key.rawValue)" }
            .joined(separator: ", ")
    }
}

extension LimitScope {
    /// For example `2 of 20 hosts with region=eu are behind, 10% (2) tolerated`.
    fileprivate func sentence(_ count: Int) -> String {
        let hosts = expected == 1 ? "host" : "hosts"
        let whose = group.map { "\(expected) \(hosts) with \($0)" } ?? "\(expected) other \(hosts)"
        let what =
            switch purpose {
            case .failed: "failed"
            case .unproven: "gave no usable answer"
            case .behind, .required: count == 1 ? "is behind" : "are behind"
            }
        let allowed =
            switch share {
            case .hosts(0): "none"
            case .hosts(let hosts): "\(hosts)"
            case .percent: "\(share) (\(limit))"
            }
        return "\(count) of \(whose) \(what), \(allowed) tolerated"
    }
}
