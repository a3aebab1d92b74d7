import CollectorSupport
import FoundationEssentials
import Registry
import Reports
import Shared
import Verdict

/// Finds drift: a pure function of what was read.
package struct DriftRules {
    let image: ImageReference
    /// What the tag is now; nil where there is none.
    let tag: ResolvedImage?
    /// Of the service, oldest first.
    let promotions: [Promotion]
    /// Of the tag, newest first.
    let journal: [JournalEntry]
    /// What candidates' tags are, those that the ledger does not know.
    let candidates: [ResolvedImage]
    /// Hosts that were seen to converge on the last promotion, and in which verification.
    let converged: [String: String]
    let report: Report
    let now: Date

    /// Of findings of one kind, more are only counted.
    private static let most = 5

    func drift() -> Drift {
        let unpromoted = unpromotedBuilds
        return Drift(
            image: Sanitizer.singleLine(image.description, limit: 512), tag: tag.map { build($0) },
            promoted: promotions.last.map(build), served: served, unpromoted: unpromoted,
            findings: unsettled + tagFindings + hostFindings + Self.limited(unpromoted.map(finding), "candidates"))
    }

    // MARK: - Builds

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
            actor: journal.first { $0.state == .moved && $0.generation == promotion.generation }?.intent.actor)
    }

    private func created(_ image: ResolvedImage) -> String? {
        image.entries.lazy.compactMap(\.created).first.map { Sanitizer.singleLine($0, limit: 40) }
    }

    private func builtAt(_ digest: Digest?) -> String? {
        guard let digest else { return nil }
        return ([tag].compactMap { $0 } + candidates).first { $0.digest == digest }.flatMap(created)
    }

    private var served: [Drift.Build] {
        struct Key: Hashable {
            var gitSHA: GitSHA?
            var digest: Digest?
        }
        let groups = Dictionary(grouping: report.hosts.filter { $0.gitSHA != nil || $0.digest != nil }) {
            Key(gitSHA: $0.gitSHA, digest: $0.digest)
        }
        return groups.map { key, hosts in
            let known = promotions.last {
                ($0.digest != nil && $0.digest == key.digest) || ($0.gitSHA != nil && $0.gitSHA == key.gitSHA)
            }
            return Drift.Build(
                gitSHA: key.gitSHA, digest: key.digest, builtAt: builtAt(key.digest), generation: known?.generation,
                promotedAt: known?.at, hosts: hosts.count)
        }.sorted { ($1.hosts ?? 0, "\($0)") < ($0.hosts ?? 0, "\($1)") }
    }

    /// Candidates newer than what is promoted. An older one that was passed over is no drift.
    private var unpromotedBuilds: [Drift.Build] {
        let since = promotions.last.flatMap { Date(rfc3339: $0.at) } ?? .distantPast
        // Of a tag that is gone nobody knows when it was built: then it is what came after the promotion.
        let present = tag.map { created($0).flatMap { Date(rfc3339: $0) } ?? .distantPast } ?? .distantFuture
        let known = Set(promotions.compactMap(\.digest))
        let commits = Set(promotions.compactMap(\.gitSHA))
        return candidates.filter { image in
            guard !known.contains(image.digest), image.digest != tag?.digest else { return false }
            if let commit = image.entries.first?.revision, commits.contains(commit) { return false }
            // A build that does not say when it was made is told rather than left out.
            guard let built = created(image).flatMap({ Date(rfc3339: $0) }) else { return true }
            return built > min(since, present)
        }.map(build).sorted { ($0.builtAt ?? "9", $0.tag ?? "") > ($1.builtAt ?? "9", $1.tag ?? "") }
    }

    // MARK: - Findings

    private var unsettled: [Drift.Finding] {
        journal.filter { $0.state == .intended }.map { entry in
            Drift.Finding(
                kind: .unsettled,
                message: Sanitizer.singleLine(
                    "a \(entry.intent.kind.rawValue) to \(entry.intent.gitSHA?.short ?? entry.intent.digest.short) by "
                        + "\(entry.intent.actor) is under way since \(entry.intent.intendedAt), or was cut off: the next "
                        + "promote says what became of it"))
        }
    }

    private var tagFindings: [Drift.Finding] {
        guard let last = promotions.last else {
            return [
                .init(kind: .tagMoved, message: "the ledger knows no promotion: promote once, or name another --store")
            ]
        }
        guard let tag else {
            return [.init(kind: .tagMoved, message: "\(image) does not exist: somebody removed it, promote again")]
        }
        guard tag.digest != last.digest else { return [] }
        // A promotion that is known by its commit alone says nothing about digests.
        if last.digest == nil, tag.entries.allSatisfy({ $0.revision == last.gitSHA }) { return [] }
        let what = "\(image) is \(tag.digest.short) (\(tag.entries.first?.revision?.short ?? "no commit"))"
        let wanted =
            "generation \(last.generation) (\(last.gitSHA?.short ?? last.digest?.short ?? "?")) was promoted last"
        if let earlier = promotions.last(where: { $0.digest == tag.digest }) {
            return [
                .init(
                    kind: .tagMoved,
                    message: "\(what), which is generation \(earlier.generation), and \(wanted): somebody moved it back"
                )
            ]
        }
        return [
            .init(
                kind: .tagMoved,
                message: "\(what), which nobody is known to have promoted, and \(wanted): find out who pushed it")
        ]
    }

    private var hostFindings: [Drift.Finding] {
        let drifted = report.hosts.filter { host in
            converged[host.name] != nil && host.facts.reach == .ok && (host.gitSHA != nil || host.digest != nil)
                && !matches(host)
        }
        return Self.limited(
            drifted.map { host in
                Drift.Finding(
                    kind: .hostDrifted,
                    message: Sanitizer.singleLine(
                        "\(host.name) converged on generation \(promotions.last?.generation ?? 0) "
                            + "(\(converged[host.name] ?? "")) and serves "
                            + "\(host.gitSHA?.short ?? host.digest?.short ?? "?") now: somebody deployed there since"))
            }, "hosts")
    }

    /// Whether a host serves what was promoted last, as far as commit and digest say.
    private func matches(_ host: Report.Host) -> Bool {
        guard let last = promotions.last else { return true }
        if let wanted = last.gitSHA, let commit = host.gitSHA, wanted != commit { return false }
        // Hosts were compared with the tag: what that says of them is true of the promotion where both are one image.
        guard let tag, tag.digest == last.digest else { return true }
        return host.facts.build.isMatch || host.facts.build == .unidentified
    }

    private func finding(_ build: Drift.Build) -> Drift.Finding {
        let age = build.builtAt.flatMap { Drift.age($0, now: now) }.map { ", built \($0) ago" } ?? ""
        return Drift.Finding(
            kind: .unpromoted,
            message:
                "\(build.tag ?? build.digest?.short ?? "?") was published and never promoted\(age): promote it, or leave it"
        )
    }

    private static func limited(_ findings: [Drift.Finding], _ what: String) -> [Drift.Finding] {
        guard findings.count > most, let kind = findings.first?.kind else { return findings }
        return findings.prefix(most)
            + [.init(kind: kind, message: "… and \(findings.count - most) more \(what) like these")]
    }
}
