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
        /// Serves the build from before the promotion, or an earlier one.
        case former
        /// Serves any other build.
        case other
        /// Runs the build, and failed in several answers in a row or went down on another build.
        case failing
        /// Runs the build, which is starting, or was not up in the last answer.
        case notUp = "not_up"
        /// No instance.
        case absent
        /// The right commit in another image, or the right image with another commit.
        case wrongImage = "wrong_image"
        /// Its instances run different builds.
        case mixed
        /// Without a full commit or a registry digest.
        case unidentified
        /// Another host answered in its place.
        case conflict
        /// No usable answer.
        case unknown
        /// The run ended before the host was asked.
        case notAsked = "not_asked"
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
    /// The number of hosts outside the gate, which are not counted.
    package var waived: Int

    package init(hosts: Int, groups: [Group], waived: Int = 0) {
        self.hosts = hosts
        self.groups = groups
        self.waived = waived
    }

    package init(_ report: Report) {
        var counts: [Group: Int] = [:]
        var hosts = 0
        // Hosts with one status are listed one after the other, and most of them are alike.
        var latest: Condition?
        var count = 0
        func add() {
            if let latest { counts[latest.group(in: report), default: 0] += count }
        }
        // By index, because a copy of a host costs more than what is read of it.
        for index in report.hosts.indices where !report.hosts[index].isWaived {
            hosts += 1
            let condition = Condition(report.hosts, index)
            if condition != latest {
                add()
                latest = condition
                count = 0
            }
            count += 1
        }
        add()
        self.hosts = hosts
        waived = report.hosts.count - hosts
        // One build is one group: hosts can know of it in different ways.
        for (group, count) in counts where group.kind == .other {
            var former = group
            former.kind = .former
            guard counts[former] != nil else { continue }
            counts[former, default: 0] += count
            counts[group] = nil
        }
        groups = counts.map { group, count in
            var group = group
            group.hosts = count
            return group
        }.sorted { $0.order < $1.order }
    }

    // MARK: - Values

    /// The number of hosts of which nothing is known.
    package var unknown: Int { count(.unknown) + count(.notAsked) }

    /// The only build that all hosts serve, in short; nil if there is none.
    var onlyBuild: String? {
        guard let first = groups.first, first.isServing, first.hosts == hosts else { return nil }
        return first.build
    }

    private func count(_ kind: Kind) -> Int { groups.filter { $0.kind == kind }.reduce(0) { $0 + $1.hosts } }

    /// The full commit, or else the digest, if every host in the gate serves this one build; `unknown` if nothing else was
    /// seen, and some hosts gave no usable answer; `mixed` if hosts serve several builds, or some serve none; `none` if no
    /// host serves an identified build; empty if no host was asked.
    package var value: String {
        guard hosts > 0, count(.notAsked) < hosts else { return "" }
        let answered = groups.filter(\.isAnswered)
        guard let first = answered.first else { return "unknown" }
        guard answered.contains(where: \.isServing) else { return unknown > 0 ? "unknown" : "none" }
        guard answered.count == 1 else { return "mixed" }
        guard unknown == 0 else { return "unknown" }
        return first.gitSHA?.hex ?? first.digest?.description ?? "none"
    }

    // MARK: - The sentence

    /// One sentence without its full stop, for example `All 3 hosts serve 51a5c0ffee12 again`.
    ///
    /// - Parameter isBack: true after a rollback, in whose verification the target is the former build.
    package func sentence(isBack: Bool = false) -> String {
        let known = groups.filter(\.isAnswered)
        guard hosts > 0, count(.notAsked) < hosts else { return "What production serves is unknown: no host was asked" }
        guard let first = known.first else {
            let none = hosts == 1 ? "the only host gave no usable answer" : "no host gave a usable answer"
            return "What production serves is unknown: \(none)"
        }
        let note = waived > 0 ? " (\(ReportText.count(waived)) more waived)" : ""
        var parts: [String] = []
        if first.hosts == hosts {
            let all = hosts == 1 ? "The only host" : hosts == 2 ? "Both hosts" : "All \(ReportText.count(hosts)) hosts"
            let again = isBack && first.kind == .target ? " again" : ""
            return "\(all) \(first.predicate(isOne: hosts == 1))\(again)\(note)"
        }
        let one = first.hosts == 1
        parts.append(
            "\(ReportText.count(first.hosts)) of \(ReportText.hosts(hosts)) \(first.predicate(isOne: one))"
        )
        let shown = 4
        for group in known.dropFirst().prefix(shown) {
            parts.append("\(ReportText.count(group.hosts)) \(group.predicate(isOne: group.hosts == 1))")
        }
        let rest = known.dropFirst(shown + 1).reduce(0) { $0 + $1.hosts }
        if rest > 0 { parts.append("\(ReportText.count(rest)) in other conditions") }
        if count(.unknown) > 0 { parts.append("\(ReportText.count(count(.unknown))) gave no usable answer") }
        let unasked = count(.notAsked)
        if unasked > 0 { parts.append("\(ReportText.count(unasked)) \(unasked == 1 ? "was" : "were") not asked") }
        return parts.joined(separator: ", ") + note
    }
}

extension Serving.Group {
    fileprivate var isServing: Bool { rank == 0 }

    fileprivate var isAnswered: Bool { kind != .unknown && kind != .notAsked }

    fileprivate var rank: Int {
        switch kind {
        case .target, .former, .other: 0
        case .unknown, .notAsked: 2
        case .failing, .notUp, .absent, .wrongImage, .mixed, .unidentified, .conflict: 1
        }
    }

    /// Complete, so that the same report always has the same sentence.
    fileprivate var order: (Int, Int, Int, String, String) {
        (rank, -hosts, Serving.Kind.allCases.firstIndex(of: kind) ?? 0, gitSHA?.hex ?? "", digest?.hex ?? "")
    }

    /// For example `still serve 51a5c0ffee12`.
    fileprivate func predicate(isOne: Bool) -> String {
        let build = build ?? "an unknown build"
        let serve = isOne ? "serves" : "serve"
        return switch kind {
        case .target: "\(serve) \(build)"
        case .former: "still \(serve) \(build)"
        case .other: "\(serve) \(build)"
        case .failing: "\(isOne ? "fails" : "fail") on \(build)"
        case .notUp: "\(isOne ? "is" : "are") not up on \(build)"
        case .absent: isOne ? "runs no instance" : "run no instance"
        case .wrongImage: isOne ? "runs a wrong image" : "run a wrong image"
        case .mixed: isOne ? "runs several builds" : "run several builds"
        case .unidentified: isOne ? "runs a build that cannot be identified" : "run builds that cannot be identified"
        case .conflict: "answered as another host"
        case .unknown: "gave no usable answer"
        case .notAsked: isOne ? "was not asked" : "were not asked"
        }
    }
}

/// The part of a host that its group depends on.
private struct Condition: Equatable {
    private let status: HostStatus
    private let facts: HostFacts
    private let gitSHA: GitSHA?
    private let digest: Digest?
    private let isAsked: Bool

    init(_ hosts: [Report.Host], _ index: Int) {
        status = hosts[index].status
        facts = hosts[index].facts
        gitSHA = hosts[index].gitSHA
        digest = hosts[index].digest
        isAsked = hosts[index].attempts > 0
    }

    /// The group of one host, with 0 hosts.
    func group(in report: Report) -> Serving.Group {
        let target = report.target
        func group(_ kind: Serving.Kind) -> Serving.Group { Serving.Group(kind: kind, hosts: 0) }
        func onTarget(_ kind: Serving.Kind) -> Serving.Group {
            Serving.Group(kind: kind, hosts: 0, gitSHA: target.gitSHA ?? gitSHA, digest: target.digest)
        }
        if status == .converged { return onTarget(.target) }
        switch facts.identity {
        case .wrongHost, .duplicate, .replayed: return group(.conflict)
        case .expected, .unknown: break
        }
        switch status {
        case .conflict: return group(.conflict)
        case .unreachable, .agentError, .missing: return group(.unknown)
        case .unverifiable: return group(facts.reach == .ok && facts.runtime == .absent ? .absent : .unidentified)
        case .mixed: return group(.mixed)
        case .failed, .rolledBack, .straggler, .ahead, .pending, .starting, .flapping, .soaking, .converged: break
        }
        guard facts.reach == .ok, facts.runtime != .unknown else {
            // Nothing is recorded of the requests of a collector that was killed.
            let isKnown = !report.reasons.contains { $0.code == .collectorKilled }
            return group(!isAsked && isKnown ? .notAsked : .unknown)
        }
        if facts.runtime == .absent { return group(.absent) }
        switch facts.build {
        case .mixed: return group(.mixed)
        case .digestWrong, .shaWrong: return group(.wrongImage)
        case .unidentified: return group(.unidentified)
        case .unknown: return group(.unknown)
        case .match, .matchPlatform, .matchIndex, .matchConfig, .matchSHA:
            // A crash loop is sampled in its good moments, too.
            if status == .failed { return onTarget(.failing) }
            return onTarget(facts.runtime == .serving ? .target : .notUp)
        case .behind, .ahead, .foreign:
            guard gitSHA != nil || digest != nil else { return group(.unidentified) }
            // The right commit that does not match the target is another image.
            if gitSHA != nil, gitSHA == target.gitSHA { return group(.wrongImage) }
            // Platforms have digests of their own, so a known commit names the build.
            func group(_ kind: Serving.Kind) -> Serving.Group {
                Serving.Group(kind: kind, hosts: 0, gitSHA: gitSHA, digest: gitSHA == nil ? digest : nil)
            }
            if facts.runtime.isDown { return group(.failing) }
            guard facts.runtime == .serving else { return group(.notUp) }
            let isFormer =
                gitSHA.map { $0 == report.promotion?.formerGitSHA }
                ?? (digest == report.promotion?.formerDigest)
            return group(facts.build == .behind || isFormer ? .former : .other)
        }
    }
}
