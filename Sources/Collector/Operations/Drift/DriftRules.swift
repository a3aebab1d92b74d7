import CollectorSupport
import FoundationEssentials
import Registry
import Reports
import Shared
import Verdict

/// What a host serves, as far as drift needs it.
struct DriftHost {
    let name: String
    let gitSHA: GitSHA?
    let digest: Digest?
    /// True if it gave a usable answer.
    let isReached: Bool
    let build: BuildFact
}

/// The rules of drift between the tag, the promotions and the hosts: a pure function of what was read.
struct DriftRules: Sendable {
    let service: DeployedService
    let image: ImageReference
    /// The tag's present image; nil if the tag does not exist.
    let tag: ResolvedImage?
    /// The promotions of the service, oldest first.
    let promotions: [Promotion]
    /// The journal of the tag, newest first.
    let journal: [JournalEntry]
    /// The images of candidates that are not in the ledger.
    let candidates: [ResolvedImage]
    /// The hosts that converged on the last promotion, with the verification that proved it.
    let converged: [String: String]
    let now: Date

    /// The most findings of one kind that are listed; the rest is counted.
    private static let maximumListed = 5

    /// - Parameter hosts: compared with the tag, or with the last promotion if the tag does not exist.
    func drift(_ hosts: [DriftHost]) -> Drift {
        let unpromoted = unpromotedBuilds
        // What was compared with the tag holds for the promotion only if both are the same image.
        let isCompared = tag != nil && tag?.digest == promotions.last?.digest
        return Drift(
            image: Sanitizer.singleLine(image.description, limit: 512), tag: tagged,
            promoted: promotions.last.map(build), served: served(hosts), unpromoted: unpromoted,
            findings: unsettled + tagFindings + hostFindings(hosts, isCompared: isCompared) + findings(of: unpromoted))
    }

    // MARK: - Builds

    /// The build that the tag points to; nil if the tag does not exist.
    var tagged: Drift.Build? { tag.map(build) }

    private func build(_ image: ResolvedImage) -> Drift.Build {
        let known = promotions.last { $0.digest == image.digest }
        return Drift.Build(
            tag: image.reference.effectiveTag.map { Sanitizer.singleLine($0, limit: 128) },
            gitSHA: image.entries.first?.revision, digest: image.digest, builtAt: created(image),
            generation: known?.generation, promotedAt: known?.at)
    }

    private func build(_ promotion: Promotion) -> Drift.Build {
        Drift.Build(
            gitSHA: promotion.gitSHA, digest: promotion.digest, builtAt: builtAt(promotion.digest),
            generation: promotion.generation, promotedAt: promotion.at,
            actor: journal.first {
                $0.state == .moved && $0.intent.service == service
                    && $0.generation == promotion.generation
            }?.intent.actor)
    }

    private func created(_ image: ResolvedImage) -> String? {
        image.entries.lazy.compactMap(\.created).first.map { Sanitizer.singleLine($0, limit: 40) }
    }

    private func builtAt(_ digest: Digest?) -> String? {
        guard let digest else { return nil }
        return ([tag].compactMap { $0 } + candidates).first { $0.digest == digest }.flatMap(created)
    }

    private func served(_ hosts: [DriftHost]) -> [Drift.Build] {
        struct Key: Hashable {
            var gitSHA: GitSHA?
            var digest: Digest?
        }
        let groups = Dictionary(grouping: hosts.filter { $0.gitSHA != nil || $0.digest != nil }) {
            Key(gitSHA: $0.gitSHA, digest: $0.digest)
        }
        return groups.map { key, hosts in
            let rule = PromotionRule(gitSHA: key.gitSHA, digest: key.digest)
            let known = promotions.last { rule.isSame(as: $0) }
            return Drift.Build(
                gitSHA: key.gitSHA, digest: key.digest, builtAt: builtAt(key.digest), generation: known?.generation,
                promotedAt: known?.at, hosts: hosts.count)
        }.sorted { ($1.hosts ?? 0, "\($0)") < ($0.hosts ?? 0, "\($1)") }
    }

    /// Candidates that are newer than the promotion. Skipping an older one is normal.
    var unpromotedBuilds: [Drift.Build] {
        let since = promotions.last.flatMap { Date(rfc3339: $0.at) } ?? .distantPast
        // The build time of a missing tag is unknown: then only candidates after the promotion count.
        let present = tag.map { created($0).flatMap { Date(rfc3339: $0) } ?? .distantPast } ?? .distantFuture
        let known = Set(promotions.compactMap(\.digest))
        let commits = Set(promotions.compactMap(\.gitSHA))
        return candidates.filter { image in
            guard !known.contains(image.digest), image.digest != tag?.digest else { return false }
            if let commit = image.entries.first?.revision, commits.contains(commit) { return false }
            // A build without a build time is listed rather than left out.
            guard let built = created(image).flatMap({ Date(rfc3339: $0) }) else { return true }
            return built > min(since, present)
        }.map(build).sorted { ($0.builtAt ?? "9", $0.tag ?? "") > ($1.builtAt ?? "9", $1.tag ?? "") }
    }

    // MARK: - Findings

    func findings(of unpromoted: [Drift.Build]) -> [Drift.Finding] {
        Self.limited(unpromoted.map(finding), "candidates")
    }

    var unsettled: [Drift.Finding] {
        journal.filter { $0.state == .intended }.map { entry in
            Drift.Finding(
                kind: .unsettled,
                message: Sanitizer.singleLine(
                    "a \(entry.intent.kind.rawValue) to \(entry.intent.gitSHA?.short ?? entry.intent.digest.short) by "
                        + "\(entry.intent.actor) has been in progress since \(entry.intent.intendedAt), or was interrupted: "
                        + "the next promote determines its outcome"))
        }
    }

    var tagFindings: [Drift.Finding] {
        guard let last = promotions.last else {
            return [
                .init(kind: .tagMoved, message: "the ledger has no promotion: promote once, or name another --store")
            ]
        }
        guard let tag else {
            return [.init(kind: .tagMoved, message: "\(image) does not exist: it was removed; promote again")]
        }
        guard tag.digest != last.digest else { return [] }
        // A promotion that is known by its commit alone has no digest to compare.
        if last.digest == nil, !tag.entries.isEmpty, tag.entries.allSatisfy({ $0.revision == last.gitSHA }) {
            return []
        }
        let what = "\(image) is \(tag.digest.short) (\(tag.entries.first?.revision?.short ?? "no commit"))"
        let wanted =
            "promotion no. \(last.generation) (\(last.gitSHA?.short ?? last.digest?.short ?? "?")) is the last one"
        if let earlier = promotions.last(where: { $0.digest == tag.digest }) {
            return [
                .init(
                    kind: .tagMoved,
                    message: "\(what), promotion no. \(earlier.generation), but \(wanted): someone moved it back"
                )
            ]
        }
        let elsewhere = journal.first { entry in
            entry.state == .moved && entry.intent.digest == tag.digest && entry.intent.service != service
        }
        if let elsewhere {
            return [
                .init(
                    kind: .tagMoved,
                    message: Sanitizer.singleLine(
                        "\(what), promotion no. \(elsewhere.generation) of \(elsewhere.intent.service), but \(wanted): one tag cannot serve both; "
                            + "promote \(service) to another tag"))
            ]
        }
        return [
            .init(
                kind: .tagMoved,
                message: "\(what), which is not in the ledger, but \(wanted): find out who pushed it")
        ]
    }

    /// - Parameter isCompared: true if the hosts' images were compared with the last promotion's.
    func hostFindings(_ hosts: [DriftHost], isCompared: Bool) -> [Drift.Finding] {
        let drifted = hosts.filter { host in
            host.isReached && (host.gitSHA != nil || host.digest != nil) && converged[host.name] != nil
                && !matches(host, isCompared: isCompared)
        }
        return Self.limited(
            drifted.map { host in
                Drift.Finding(
                    kind: .hostDrifted,
                    message: Sanitizer.singleLine(
                        "\(host.name) converged on promotion no. \(promotions.last?.generation ?? 0) "
                            + "(\(converged[host.name] ?? "")) but now serves "
                            + "\(name(of: host)): someone has deployed there since"))
            }, "hosts")
    }

    /// The build that a host serves. For the promoted commit in another image, only the digest shows the difference.
    private func name(of host: DriftHost) -> String {
        guard let commit = host.gitSHA else { return host.digest?.short ?? "?" }
        guard commit == promotions.last?.gitSHA, let digest = host.digest else { return commit.short }
        return "\(commit.short) as \(digest.short)"
    }

    /// True if a host serves the last promotion, as far as commit and digest show.
    private func matches(_ host: DriftHost, isCompared: Bool) -> Bool {
        guard let last = promotions.last else { return true }
        if let wanted = last.gitSHA, let commit = host.gitSHA, wanted != commit { return false }
        return !isCompared || host.build.isMatch || host.build == .unidentified
    }

    private func finding(_ build: Drift.Build) -> Drift.Finding {
        let age = build.builtAt.flatMap { Drift.age($0, now: now) }.map { " \($0) ago" } ?? ""
        return Drift.Finding(
            kind: .unpromoted, message: "\(build.tag ?? build.digest?.short ?? "?") was built\(age) but never promoted")
    }

    private static func limited(_ findings: [Drift.Finding], _ what: String) -> [Drift.Finding] {
        guard findings.count > maximumListed, let kind = findings.first?.kind else { return findings }
        return findings.prefix(maximumListed)
            + [.init(kind: kind, message: "… and \(findings.count - maximumListed) more \(what) like these")]
    }
}
