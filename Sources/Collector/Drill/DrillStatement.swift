import CollectorSupport
import FoundationEssentials
import Shared

/// What the agent of a made-up host states; everything is fine unless a case says otherwise.
///
/// It becomes the very type that agents answer with, so that a made-up host differs from a real one in its facts alone.
struct DrillStatement: Sendable {
    enum Nonce: Sendable { case echoed, missing, another }

    var build: DrillBuild
    var state = ServiceState.serving
    /// Every answer tells of one more restart.
    var restartsWithEachAnswer = false
    /// Changes the document at last, for what is not worth a property of its own.
    var edit: (@Sendable (inout Document, DrillRequest) -> Void)?
    /// Seconds since the agent looked at its engine.
    var age = 0.0
    var nonce = Nonce.echoed
    /// nil for one of the host's own.
    var hostID: String?
    var reason: String?
    /// What the service itself says to the agent's probe; nil where it has none.
    var served: ProbeResult?

    init(_ build: DrillBuild = .promoted, _ change: (inout DrillStatement) -> Void = { _ in }) {
        self.build = build
        change(&self)
    }

    func document(for request: DrillRequest) -> Document {
        // An agent that cannot read its engine knows of no instance, and of no engine either.
        let isKnown = state != .unknown
        var document = Document(
            service: DrillBuild.service, gitSHA: isKnown ? build.gitSHA : nil, digest: isKnown ? build.digest : nil,
            state: state, reason: reason,
            host: HostIdentity(id: hostID ?? "drill-\(request.host)", name: request.host, bootID: "drill"),
            instances: isKnown ? [instance(request)] : [],
            engine: isKnown ? EngineIdentity(name: .docker, store: .containerd) : nil, served: served,
            observedAt: Date().rfc3339, ageSeconds: age, nonce: echo(request.nonce),
            agent: AgentIdentity(version: BuildinfoVersion.current, uptimeSeconds: 3_600))
        edit?(&document, request)
        return document
    }

    private func instance(_ request: DrillRequest) -> Instance {
        let restarts = restartsWithEachAnswer ? request.number : 0
        let digests = [build.digest].compactMap { $0 }.map {
            DigestEvidence(digest: $0, kind: .indexOrManifest, source: .imageRepoDigests)
        }
        return Instance(
            id: "drill-\(request.host)-1", name: "\(DrillBuild.service)-1", state: state,
            health: state == .unhealthy ? .unhealthy : .healthy,
            startedAt: Date(timeIntervalSince1970: 1_700_000_000 + Double(restarts)).rfc3339,
            restartCount: restarts, gitSHA: Reported(build.gitSHA),
            image: ImageEvidence(
                reference: "registry.example/\(DrillBuild.service):latest", platform: "linux/amd64", origin: .registry,
                digests: digests, tagMoved: false))
    }

    private func echo(_ sent: String?) -> String? {
        switch nonce {
        case .echoed: sent
        case .missing: nil
        case .another: "answer-to-another-request"
        }
    }
}
