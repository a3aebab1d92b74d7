import Foundation
import Reports
import Shared
import Verdict

/// What one request found out about a host, and what the host lacks for a proof.
///
/// The status, the facts and the reasons are those of a status without a target: see ``SweepStatus``.
struct ExaminedHost: Sendable {
    let expected: ExpectedHost
    let report: Report.Host
    /// nil if the request did not end.
    let answer: SweepAnswers.Answer?
    /// The end of the host's certificate; nil without TLS, or if it is unknown.
    let certificateEnd: Date?

    var name: String { report.name }
    var sweep: SweepStatus { report.sweep ?? .noAnswer }
    /// The document of the expected host; nil if no agent answered, or one for another host.
    var document: Document? { sweep == .conflict ? nil : answer?.document }
    /// The host's id, which is certain only if no other host answered.
    var id: String? { document?.host.id }
    var build: Build? {
        let build = Build(gitSHA: report.gitSHA, digest: report.digest)
        return build.isKnown ? build : nil
    }

    /// True if the host gave a usable answer, which says what it serves.
    var hasAnswered: Bool {
        switch sweep {
        case .noAnswer, .unknown, .conflict: false
        case .failing, .mixed, .ahead, .behind, .starting, .answered, .onTarget: true
        }
    }

    /// A commit and a digest, as far as they are known.
    struct Build: Hashable, Sendable {
        var gitSHA: GitSHA?
        var digest: Digest?

        var isKnown: Bool { gitSHA != nil || digest != nil }
        var short: String { [gitSHA?.short, digest?.short].compactMap { $0 }.joined(separator: " ") }
    }
}

/// Something that a host lacks for a proof, in words.
struct ProofGap: Hashable, Sendable {
    enum Kind: Hashable, Sendable, CaseIterable {
        /// No answer, for any cause on the way.
        case reach
        /// Another host answered, or two hosts have one id.
        case identity
        /// An answer that does not tell what the service runs.
        case answer
        /// The service is down, incomplete, or does not answer its agent.
        case service
        /// Neither the commit nor the digest is known.
        case build
        case revision
        case digest
        case healthCheck
    }

    let kind: Kind
    let text: ReasonText
    /// True if no verification can prove the host before this changes.
    let isObstacle: Bool
    /// True if the host is waived.
    let isWaived: Bool

    /// The cause without what differs between hosts.
    var cause: String { text.summary ?? text.cause }

    init(_ kind: Kind, _ text: ReasonText, isObstacle: Bool, isWaived: Bool = false) {
        (self.kind, self.text, self.isObstacle, self.isWaived) = (kind, text, isObstacle, isWaived)
    }
}

extension ExaminedHost {
    /// The gaps, the worst first. Those of a waived host keep nothing from being proven.
    var gaps: [ProofGap] {
        guard expected.isWaived else { return ownGaps }
        return ownGaps.map { ProofGap($0.kind, $0.text, isObstacle: false, isWaived: true) }
    }

    private var ownGaps: [ProofGap] {
        switch sweep {
        case .noAnswer: return [ProofGap(.reach, report.explanation, isObstacle: true)]
        case .conflict: return [ProofGap(.identity, report.explanation, isObstacle: true)]
        case .unknown: return [ProofGap(.answer, report.explanation, isObstacle: true)]
        case .failing, .mixed, .ahead, .behind, .starting, .answered, .onTarget: break
        }
        guard let document else {
            // Only a host without an agent has an answer and no document.
            return [ProofGap(.digest, HostReason.noAgent.text, isObstacle: false)]
        }
        return (serviceGap(document).map { [$0] } ?? []) + buildGaps(document)
    }

    // MARK: - The service

    private func serviceGap(_ document: Document) -> ProofGap? {
        let said = document.reason.map { Sanitizer.singleLine($0, limit: 200) }
        let runtime = report.facts.runtime
        switch runtime {
        case .serving: return nil
        case .absent:
            return ProofGap(
                .service, HostReason.noInstance(service: document.service, said: said).text, isObstacle: true)
        case .starting:
            let isStuck = document.served.map { $0.outcome != .ok } ?? false || hasTooFewInstances(document)
            return ProofGap(
                .service,
                ReasonText(
                    said ?? "the service is starting",
                    remedy: isStuck ? logs(document) : "wait, and run this again", summary: said),
                isObstacle: isStuck)
        case .unhealthy, .paused, .restarting, .exited, .unknown:
            return ProofGap(
                .service,
                ReasonText(
                    said ?? "the service is \(runtime.rawValue)", remedy: logs(document),
                    summary: "the service is \(runtime.rawValue)"),
                isObstacle: true)
        }
    }

    private func hasTooFewInstances(_ document: Document) -> Bool {
        document.instancesExpected.map { document.instances.count(where: { $0.state == .serving }) < $0 } ?? false
    }

    private func logs(_ document: Document) -> String {
        let instance = document.instances.first { $0.state != .serving } ?? document.instances.first
        return HostRemedy.readLogs(
            ServiceSetup(
                service: document.service, engine: document.engine?.name, deployment: instance?.deployment,
                container: instance?.name)
        ).sentence
    }

    // MARK: - The build

    private func buildGaps(_ document: Document) -> [ProofGap] {
        // Without an instance, the image is unknown.
        guard !document.instances.isEmpty else { return [] }
        let hasRevision = document.instances.allSatisfy { $0.gitSHA.value != nil }
        let hasDigest = document.instances.allSatisfy { $0.image.digests.contains { $0.kind != .config } }
        let isFile = document.engine == nil
        var gaps: [ProofGap] = []
        switch (hasRevision, hasDigest) {
        case (true, true): break
        case (false, false):
            let text =
                isFile
                ? ReasonText("the file names neither a commit nor a digest", remedy: "write git_sha or digest to it")
                : ReasonText(
                    "the image has neither a revision label nor a registry digest",
                    remedy: "\(Self.label), push it, and pull it on the host")
            gaps.append(ProofGap(.build, text, isObstacle: true))
        case (false, true):
            let text =
                isFile
                ? ReasonText("the file names no commit", remedy: "write git_sha to it, or verify by --digest alone")
                : ReasonText(
                    "the image has no usable revision label", remedy: "\(Self.label), or verify by --digest alone")
            gaps.append(ProofGap(.revision, text, isObstacle: false))
        case (true, false):
            let text =
                isFile
                ? ReasonText("the file names no digest", remedy: "write digest to it, or verify by --sha alone")
                : ReasonText(
                    "the image has no registry digest (built here, loaded or committed)",
                    remedy: "pull it from the registry, or verify by --sha alone")
            gaps.append(ProofGap(.digest, text, isObstacle: false))
        }
        if !isFile, document.instances.contains(where: { ($0.health ?? Instance.Health.none) == Instance.Health.none })
        {
            gaps.append(
                ProofGap(
                    .healthCheck,
                    ReasonText(
                        "no health check, so only that the container runs is known",
                        remedy: "add HEALTHCHECK to the image, or healthcheck to its Compose service"),
                    isObstacle: false))
        }
        return gaps
    }

    private static let label =
        "build it with --label \(BuildinfoProtocol.revisionLabel)=\"$(git rev-parse HEAD)\""
}
