package import Shared
import Verdict

/// The builds that the hosts in the gate serve at the end of a verification, by their own last answers.
///
/// A host without a usable answer is never counted as serving anything.
package struct Serving: Codable, Hashable, Sendable {
    /// The condition of some hosts.
    package enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
        /// Serves the target.
        case target
        /// Still serves a build that was promoted before the target.
        case former
        /// Serves any other build.
        case other
        /// The promoted image, but restarting, unhealthy, exited or paused.
        case failsOnTarget = "fails_on_target"
        /// Another build, restarting, unhealthy, exited or paused; or no instance at all.
        case down
        case starting
        /// The right commit in another image, or the right image with another commit.
        case wrongImage = "wrong_image"
        /// Its instances run different builds.
        case mixed
        /// Without a full commit or a registry digest.
        case unidentified
        /// Another host answered in its place.
        case conflict
        /// No usable answer, or not asked.
        case unknown
    }

    /// The hosts with one condition and one build.
    package struct Group: Codable, Hashable, Sendable {
        package var kind: Kind
        package var hosts: Int
        package var gitSHA: GitSHA?
        package var digest: Digest?

        private enum CodingKeys: String, CodingKey {
            case kind, hosts, digest
            case gitSHA = "git_sha"
        }

        fileprivate var build: String? { gitSHA?.short ?? digest?.short }
    }

    /// The number of hosts in the gate.
    package var hosts: Int
    /// The serving ones first, then the largest group.
    package var groups: [Group]

    package init(hosts: Int, groups: [Group]) {
        self.hosts = hosts
        self.groups = groups
    }

    package init(_ report: Report) {
        let gated = report.hosts.filter { !$0.isWaived }
        var counts: [Group: Int] = [:]
        for host in gated { counts[Self.group(host, in: report), default: 0] += 1 }
        hosts = gated.count
        groups = counts.map { group, count in
            var group = group
            group.hosts = count
            return group
        }.sorted { left, right in
            (left.rank, -left.hosts, left.build ?? "") < (right.rank, -right.hosts, right.build ?? "")
        }
    }

    /// The group of one host, with 0 hosts.
    private static func group(_ host: Report.Host, in report: Report) -> Group {
        let target = report.target
        let facts = host.facts
        func group(_ kind: Kind) -> Group { Group(kind: kind, hosts: 0) }
        func onTarget(_ kind: Kind) -> Group {
            Group(kind: kind, hosts: 0, gitSHA: target.gitSHA ?? host.gitSHA, digest: target.digest)
        }
        if host.status == .converged { return onTarget(.target) }
        switch facts.identity {
        case .wrongHost, .duplicate, .replayed: return group(.conflict)
        case .expected, .unknown: break
        }
        switch host.status {
        case .conflict: return group(.conflict)
        case .unreachable, .agentError, .missing: return group(.unknown)
        case .unverifiable: return group(.unidentified)
        case .mixed: return group(.mixed)
        case .failed, .rolledBack, .straggler, .ahead, .pending, .starting, .flapping, .soaking, .converged: break
        }
        guard facts.reach == .ok, facts.runtime != .unknown else { return group(.unknown) }
        if facts.runtime == .absent { return group(.down) }
        switch facts.build {
        case .mixed: return group(.mixed)
        case .digestWrong, .shaWrong: return group(.wrongImage)
        case .unidentified: return group(.unidentified)
        case .unknown: return group(.unknown)
        case .match, .matchPlatform, .matchIndex, .matchConfig, .matchSHA:
            // A crash loop is sampled in its good moments, too.
            if host.status == .failed || facts.runtime.isDown { return onTarget(.failsOnTarget) }
            return onTarget(facts.runtime == .starting ? .starting : .target)
        case .behind, .ahead, .foreign:
            if facts.runtime.isDown { return group(.down) }
            guard host.gitSHA != nil || host.digest != nil else { return group(.unidentified) }
            // The right commit that does not match the target is another image.
            if host.gitSHA != nil, host.gitSHA == target.gitSHA { return group(.wrongImage) }
            if facts.runtime == .starting { return group(.starting) }
            let isFormer = facts.build == .behind && host.status != .rolledBack
            // Platforms have digests of their own, so a known commit names the build.
            return Group(
                kind: isFormer ? .former : .other, hosts: 0, gitSHA: host.gitSHA,
                digest: host.gitSHA == nil ? host.digest : nil)
        }
    }

    // MARK: - Values

    /// The number of hosts of which nothing is known.
    package var unknown: Int { count(.unknown) }

    private func count(_ kind: Kind) -> Int { groups.filter { $0.kind == kind }.reduce(0) { $0 + $1.hosts } }

    /// The full commit, or else the digest, if every host that answered serves this one build; `mixed` if they serve
    /// several builds, or some serve none; `none` if no host that answered serves an identified build; empty if no host
    /// answered.
    package var value: String {
        let answered = groups.filter { $0.kind != .unknown }
        guard let first = answered.first else { return "" }
        guard answered.contains(where: \.isServing) else { return "none" }
        guard answered.count == 1 else { return "mixed" }
        return first.gitSHA?.hex ?? first.digest?.description ?? "none"
    }

    // MARK: - The sentence

    /// One sentence without its full stop, for example `All 3 hosts serve 51a5c0ffee12 again`.
    ///
    /// - Parameter isBack: true after a rollback, in whose verification the target is the former build.
    package func sentence(isBack: Bool = false) -> String {
        let known = groups.filter { $0.kind != .unknown }
        guard hosts > 0 else { return "What production serves is unknown: no host was asked" }
        guard let first = known.first else {
            let none = hosts == 1 ? "the only host gave no usable answer" : "no host gave a usable answer"
            return "What production serves is unknown: \(none)"
        }
        var parts: [String] = []
        if first.hosts == hosts {
            let all = hosts == 1 ? "The only host" : hosts == 2 ? "Both hosts" : "All \(ReportText.count(hosts)) hosts"
            return "\(all) \(first.predicate(isBack: isBack, isOne: hosts == 1))"
        }
        let one = first.hosts == 1
        parts.append(
            "\(ReportText.count(first.hosts)) of \(ReportText.hosts(hosts)) \(first.predicate(isBack: isBack, isOne: one))"
        )
        let shown = 4
        for group in known.dropFirst().prefix(shown) {
            parts.append("\(ReportText.count(group.hosts)) \(group.predicate(isBack: isBack, isOne: group.hosts == 1))")
        }
        let rest = known.dropFirst(shown + 1).reduce(0) { $0 + $1.hosts }
        if rest > 0 { parts.append("\(ReportText.count(rest)) in other conditions") }
        if unknown > 0 { parts.append("\(ReportText.count(unknown)) gave no usable answer") }
        return parts.joined(separator: ", ")
    }
}

extension Serving.Group {
    fileprivate var isServing: Bool { kind == .target || kind == .former || kind == .other }

    fileprivate var rank: Int {
        switch kind {
        case .target, .former, .other: 0
        case .unknown: 2
        case .failsOnTarget, .down, .starting, .wrongImage, .mixed, .unidentified, .conflict: 1
        }
    }

    /// For example `still serve 51a5c0ffee12`.
    fileprivate func predicate(isBack: Bool, isOne: Bool) -> String {
        let build = build ?? "an unknown build"
        let serve = isOne ? "serves" : "serve"
        return switch kind {
        case .target: "\(serve) \(build)\(isBack ? " again" : "")"
        case .former: "still \(serve) \(build)"
        case .other: "\(serve) \(build)"
        case .failsOnTarget: "\(isOne ? "fails" : "fail") on \(build)"
        case .down: isOne ? "is down" : "are down"
        case .starting: isOne ? "is starting" : "are starting"
        case .wrongImage: isOne ? "runs a wrong image" : "run a wrong image"
        case .mixed: isOne ? "runs several builds" : "run several builds"
        case .unidentified: isOne ? "runs a build that cannot be identified" : "run builds that cannot be identified"
        case .conflict: "answered by another host"
        case .unknown: "gave no usable answer"
        }
    }
}
