import Shared

/// An agent's answer in a test; everything is fine unless the test changes it.
struct Answer: Sendable {
    enum Nonce: Sendable { case echoed, missing, another }

    var build = Build.target
    var state = ServiceState.serving
    /// The container's id.
    var container = "c1"
    var startedAt: String? = "2026-01-01T00:00:00Z"
    var restarts: Int? = 0
    /// The time since the agent's last observation, in seconds.
    var age = 0.0
    /// nil for the host's own id.
    var hostID: String?
    var nonce = Nonce.echoed
    var service = "canvas"
    var tagMoved = false
    var oomKilled: Bool?
    var platform: String? = "linux/amd64"
    var reason: String?
    /// nil for an older agent.
    var deployment: Instance.Deployment?
    /// Further instances.
    var others: [Answer] = []
    /// A final change of the document, for values without a property.
    var edit: (@Sendable (inout Document) -> Void)?

    static let old = Answer(build: .old, container: "c0")

    func with(_ change: (inout Answer) -> Void) -> Answer {
        var copy = self
        change(&copy)
        return copy
    }

    func document(host: Int, nonce sent: String) -> Document {
        let instances = ([self] + others).filter { $0.state != .absent }.map(\.instance)
        let builds = Set(instances.map(\.gitSHA))
        let digests = Set(([self] + others).map(\.build.shown))
        var document = Document(
            service: service, gitSHA: builds.count == 1 ? builds.first?.value : nil,
            digest: digests.count == 1 ? digests.first.flatMap { $0 } : nil,
            state: .worst(of: ([self] + others).map(\.state)), reason: reason,
            host: HostIdentity(id: hostID ?? "host-id-\(host)", name: "host-\(host)", bootID: "boot"),
            instances: instances, engine: EngineIdentity(name: .docker, store: .containerd),
            observedAt: "2026-01-01T00:00:00Z", ageSeconds: age, nonce: self.nonce.value(sent),
            agent: AgentIdentity(version: "0", uptimeSeconds: 1))
        if instances.count == 1, case .unusable = build.gitSHA { document.gitSHA = build.gitSHA }
        edit?(&document)
        return document
    }

    private var instance: Instance {
        Instance(
            id: container, name: "canvas-1", deployment: deployment, state: state,
            health: state == .unhealthy ? .unhealthy : .healthy,
            startedAt: startedAt, restartCount: restarts, oomKilled: oomKilled, gitSHA: build.gitSHA,
            image: ImageEvidence(
                reference: "registry.example/canvas:latest", platform: platform, origin: build.origin,
                digests: build.digests, tagMoved: tagMoved))
    }
}

extension Answer.Nonce {
    fileprivate func value(_ sent: String) -> String? {
        switch self {
        case .echoed: sent
        case .missing: nil
        case .another: "another-\(sent)"
        }
    }
}
