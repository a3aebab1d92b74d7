import Shared

/// A document without the values that are the host's own, and everything that follows from it.
///
/// The documents of a fleet differ in little but ids and times. Hosts whose documents are otherwise equal share one content,
/// and what follows from it is derived once; see ``SharedValues``.
final class DocumentContent: Sendable {
    /// The document with blank ids and times.
    let document: Document
    /// The hash of ``document``.
    let hash: Int
    let evidence: SharedEvidence
    /// See ``Document/runtime``.
    let runtime: ServiceState
    /// The agent's own explanation of the service's state. One clean line.
    let explanation: String?
    let hasHealthCheck: Bool
    /// The numbers of running and of declared instances; nil unless too few run.
    let shortage: (running: Int, expected: Int)?
    /// True if the summary reports serving although an instance is not.
    let callsItServing: Bool
    /// The setups of the instances; see ``ServiceSetup/all(of:)``.
    let setups: [ServiceSetup]
    /// What a pull brings, for each of the setups.
    private let tracking: [ImageTracking]
    /// The position of the instance that represents the service: the first one in the worst state.
    let worst: Int?
    /// The deployments that the instances belong to, distinct and sorted.
    let projects: [String]

    /// - Parameters:
    ///   - document: with blank ids and times.
    ///   - hash: its hash.
    ///   - target: the verification's target.
    init(_ document: Document, hash: Int, target: Target) {
        self.document = document
        self.hash = hash
        evidence = SharedEvidence(BuildEvidence(document))
        let runtime = document.runtime
        self.runtime = runtime
        explanation = document.reason.map { Sanitizer.singleLine($0, limit: 200) }
        hasHealthCheck = document.instances.allSatisfy { ($0.health ?? .none) != .none }
        shortage = document.shortage
        callsItServing = document.state == .serving && runtime != .serving && runtime != .starting
        let setups = ServiceSetup.all(of: document)
        self.setups = setups
        let served = evidence.value.gitSHA.value
        tracking = setups.map { ImageTracking($0, target: target, served: served) }
        worst =
            document.instances.firstIndex { $0.state == runtime }
            ?? document.instances.firstIndex { runtime == .unhealthy && $0.health == .unhealthy }
        projects = Set(document.instances.compactMap(\.project)).sorted()
    }

    /// What a pull of a setup's image reference brings to the host; nil for a setup of another document.
    func tracking(of setup: ServiceSetup) -> ImageTracking? {
        setups.firstIndex { $0.reference == setup.reference && $0.deployment == setup.deployment }.map { tracking[$0] }
    }
}

/// Evidence that hosts share.
final class SharedEvidence: Sendable {
    let value: BuildEvidence

    init(_ value: BuildEvidence) { self.value = value }
}

/// The values of a document that are the host's own.
struct OwnValues: Hashable, Sendable {
    let hostID: String
    let bootID: String
    var observedAt: String
    /// In the document's order.
    let instances: [Proof.InstanceFingerprint]
    /// The same, in a fixed order.
    let fingerprint: [Proof.InstanceFingerprint]
    let leftOut: [LeftOutContainer]
    /// The document's first contradiction, in one clean line; nil if it has none.
    let contradiction: String?

    /// - Parameters:
    ///   - earlier: the values of the host's previous document. Equal ones stay in their memory.
    ///   - isSameContent: true if the content is the previous document's.
    init(_ document: Document, after earlier: OwnValues?, isSameContent: Bool) {
        func keep<Value: Equatable>(_ value: Value, _ earlier: Value?) -> Value {
            value == earlier ? earlier ?? value : value
        }
        hostID = keep(document.host.id, earlier?.hostID)
        bootID = keep(document.host.bootID, earlier?.bootID)
        observedAt = document.observedAt
        instances = keep(document.instances.map(Proof.InstanceFingerprint.init), earlier?.instances)
        leftOut = keep(document.leftOut, earlier?.leftOut)
        if isSameContent, let earlier, instances == earlier.instances, leftOut == earlier.leftOut {
            (fingerprint, contradiction) = (earlier.fingerprint, earlier.contradiction)
        } else {
            (fingerprint, contradiction) = (Proof.sorted(instances), document.contradiction)
        }
    }
}

extension Document {
    /// The document without the host's own values.
    var withoutOwnValues: Document {
        var document = self
        document.host = HostIdentity(id: "", name: "", bootID: "")
        document.agent.uptimeSeconds = 0
        (document.nonce, document.ageSeconds, document.observedAt) = (nil, 0, "")
        document.served?.latencySeconds = nil
        document.leftOut = []
        for index in document.instances.indices {
            document.instances[index].id = ""
            document.instances[index].startedAt = nil
            document.instances[index].restartCount = nil
        }
        return document
    }
}

extension Instance {
    /// The instance with its own values again.
    func with(_ own: Proof.InstanceFingerprint) -> Instance {
        var instance = self
        (instance.id, instance.startedAt, instance.restartCount) = (own.id, own.startedAt, own.restartCount)
        return instance
    }
}

/// An agent's answer.
struct AgentAnswer: Sendable {
    let content: DocumentContent
    let own: OwnValues
    let nonce: String?
    /// In seconds, as the answer states it.
    let ageSeconds: Double

    /// The instances with their ids and starts.
    var instances: [Instance] {
        zip(content.document.instances, own.instances).map { $0.with($1) }
    }
}

/// The answer of a sample. A repeated document is one like any other.
enum ReceivedAnswer: Sendable {
    case unusable(RequestOutcome, detail: String)
    case agent(AgentAnswer)
    case plain(PlainAnswer)
}
