import Shared

/// From the labels at the end to the verdict: which causes apply, what is tolerated, and in which order they count.
struct VerdictRules {
    private let verification: Verification
    private let now: Duration
    private let gated: [HostTrack]
    private let proven: Int

    init(_ verification: Verification, at now: Duration) {
        self.verification = verification
        self.now = now
        gated = verification.tracks.filter { !$0.host.isWaived }
        proven = verification.proven(at: now)
    }

    private var policy: Policy { verification.policy }
    private var expected: Int { gated.count }

    func conclude(_ ending: Verification.Ending) -> Conclusion {
        var reasons = causes(ending, isTolerant: true)
        let minimum = max(1, policy.minProven.limit(of: expected))
        let isShort = proven < expected && proven < minimum
        if reasons.isEmpty, isShort {
            // Tolerance cannot turn too little proof into success: what it would have covered counts after all.
            reasons = causes(ending, isTolerant: false)
            if !reasons.isEmpty {
                reasons[0].message += "; not tolerated, because only \(proven) of at least \(minimum) are proven"
            }
        }
        if case .interrupted(let signal) = ending {
            let name = signal == 15 ? "SIGTERM" : "SIGINT"
            let pending = Reason(
                verdict: .interrupted, hosts: expected - proven,
                message: "interrupted by \(name): \(proven) of \(expected) hosts were proven")
            return conclusion([pending] + reasons, exitCode: 128 + signal)
        }
        guard let worst = reasons.first else { return success() }
        let isFine = worst.verdict == .superseded && policy.supersededOK
        return conclusion(reasons, exitCode: isFine ? 0 : worst.verdict.exitCode)
    }

    private func conclusion(_ reasons: [Reason], exitCode: Int32) -> Conclusion {
        Conclusion(verdict: reasons[0].verdict, exitCode: exitCode, reasons: reasons, at: now)
    }

    private func success() -> Conclusion {
        // The one guard that stands before every green: nothing proven is no success, however little was expected.
        guard proven > 0 else {
            let message = "no host was proven, and no cause was found"
            return conclusion([Reason(verdict: .inconclusive, hosts: expected, message: message)], exitCode: 31)
        }
        guard proven < expected else {
            let message = "every one of \(proven) hosts is proven to serve the target"
            return conclusion([Reason(verdict: .converged, hosts: proven, message: message)], exitCode: 0)
        }
        let rest = gated.filter { $0.label != .converged }
        let message =
            "\(proven) of \(expected) hosts are proven; tolerated: \(Self.names(rest)) (\(Self.tally(rest)))"
        return conclusion([Reason(verdict: .convergedTolerated, hosts: proven, message: message)], exitCode: 0)
    }

    // MARK: - Causes

    /// Every cause that applies, in the order of the exit codes.
    private func causes(_ ending: Verification.Ending, isTolerant: Bool) -> [Reason] {
        let hosts = Dictionary(grouping: gated, by: \.label.standing)
        func limit(_ tolerance: Tolerance) -> Int { isTolerant ? tolerance.limit(of: expected) : 0 }

        var causes: [Reason] = []
        func add(_ verdict: Verdict, _ hosts: [HostTrack], _ text: String) {
            let names = hosts.isEmpty ? "" : ": \(Self.names(hosts))"
            causes.append(Reason(verdict: verdict, hosts: hosts.count, message: text + names))
        }
        if let conflicting = hosts[.conflict] {
            add(.identityConflict, conflicting, "another host answered, or a cache, or two hosts with one id")
        }
        if let failed = hosts[.failed], failed.count > limit(policy.maxFailed) {
            add(.failedDeploy, failed, "the deploy failed on \(Self.count(failed.count))")
        }
        if let back = hosts[.rolledBack] {
            add(.rolledBack, back, "served the target and went back")
        }
        let lost = lostTogether()
        if !lost.isEmpty {
            add(.inconclusive, lost, "most hosts were lost at once: check this collector's network and resolver first")
        }
        if let successor = verification.successor {
            let build = [successor.gitSHA?.short, successor.digest?.short].compactMap { $0 }.joined(separator: " ")
            add(.superseded, hosts[.ahead] ?? [], "generation \(successor.generation) (\(build)) was promoted since")
        } else if let ahead = hosts[.ahead] {
            add(.superseded, ahead, "serve a later promotion")
        }
        guard ending.isOver else { return causes }
        let unproven = hosts[.unproven] ?? []
        let behind = hosts[.behind] ?? []
        let areUnprovenTolerated = unproven.count <= limit(policy.maxUnreachable)
        let areBehindTolerated = behind.count <= limit(policy.maxStragglers)
        if !areUnprovenTolerated {
            add(.unreachable, unproven, "\(Self.count(unproven.count)) gave no usable answer")
        }
        if ending == .stall, !areUnprovenTolerated || !areBehindTolerated {
            add(.stalled, [], "nothing changed for \(policy.stall.brief)")
            causes[causes.count - 1].hosts = expected - proven
        }
        if !areBehindTolerated {
            add(.stragglers, behind, "\(Self.count(behind.count)) did not get there in \(now.brief)")
        }
        return causes
    }

    /// The hosts that answered before and fell silent within one interval, where they are most of the fleet.
    ///
    /// Asked one interval apart, all hosts of a fleet that a broken network cuts off fall silent within one interval; a
    /// half more allows for requests that waited. At least 5, and more than half.
    private func lostTogether() -> [HostTrack] {
        let lost = gated.filter { $0.hasAnswered && $0.silentSince != nil }
            .sorted { ($0.silentSince ?? .zero) < ($1.silentSince ?? .zero) }
        let minimum = max(5, expected / 2 + 1)
        guard lost.count >= minimum else { return [] }
        let window = policy.interval + policy.interval / 2
        let isTogether = (0...(lost.count - minimum)).contains { first in
            let start = lost[first].silentSince ?? .zero
            let end = lost[first + minimum - 1].silentSince ?? .zero
            return end - start <= window
        }
        return isTogether ? lost : []
    }

    // MARK: - Words

    /// The first names, and how many more.
    private static func names(_ hosts: [HostTrack]) -> String {
        let shown = hosts.prefix(3).map { Hygiene.line($0.host.name, limit: 64) }.joined(separator: ", ")
        return hosts.count > 3 ? "\(shown) and \(hosts.count - 3) more" : shown
    }

    private static func tally(_ hosts: [HostTrack]) -> String {
        let counts = Dictionary(grouping: hosts, by: \.label).mapValues(\.count)
        return counts.sorted { $0.key.rank < $1.key.rank }.map { "\($0.value) \($0.key.rawValue)" }
            .joined(separator: ", ")
    }

    private static func count(_ hosts: Int) -> String { hosts == 1 ? "1 host" : "\(hosts) hosts" }
}
