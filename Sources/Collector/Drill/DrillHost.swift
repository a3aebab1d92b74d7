import CollectorSupport
import FoundationEssentials
import Shared
import Verdict

/// A simulated host.
struct DrillHost: Sendable {
    let name: String
    /// The id in the inventory; nil if it has none.
    var expectedID: String?
    /// The reply to a request; nil if connections are refused.
    let reply: (@Sendable (DrillRequest) -> DrillReply)?

    /// A host whose agent states the same in every answer.
    static func stating(_ name: String, _ statement: DrillStatement, expectedID: String? = nil) -> DrillHost {
        DrillHost(name: name, expectedID: expectedID) { request in .document(statement.document(for: request)) }
    }

    /// A host whose agent states the first thing for some requests, and then the other one.
    static func changing(
        _ name: String, after count: Int, from first: DrillStatement, to last: DrillStatement
    ) -> DrillHost {
        DrillHost(name: name) { request in
            .document((request.number <= count ? first : last).document(for: request))
        }
    }

    /// A host without an agent, with the reply of something else.
    static func replying(_ name: String, _ reply: DrillReply) -> DrillHost {
        DrillHost(name: name) { _ in reply }
    }

    /// A host that refuses connections.
    static func dead(_ name: String) -> DrillHost { DrillHost(name: name, reply: nil) }

    /// Healthy hosts on target: `host-1` and so on.
    static func fine(_ count: Int) -> [DrillHost] {
        (1...max(1, count)).map { .stating("host-\($0)", DrillStatement()) }
    }
}

/// A request to a simulated host.
struct DrillRequest: Sendable {
    let host: String
    let nonce: String?
    /// 1 for the first request to the host.
    let number: Int
}

/// The reply of a simulated host.
enum DrillReply: Sendable {
    /// The answer of an agent.
    case document(Document)
    /// The answer of another HTTP server.
    case page(status: Int, location: String? = nil, headers: [String: String] = [:], body: String)
    /// No answer on an open connection.
    case silence
    /// The connection is closed without an answer.
    case hangUp
}

/// The facts that the agent of a simulated host states: a healthy service on target, unless a case changes them.
///
/// They are encoded with the agents' own document type, so that a simulated host differs from a real one only in its facts.
struct DrillStatement: Sendable {
    enum Nonce: Sendable { case echoed, missing, another }

    var build: DrillBuild
    var state = ServiceState.serving
    /// True if the restart count grows with every answer.
    var restartsWithEachAnswer = false
    /// A final change of the document, for facts that have no property of their own.
    var edit: (@Sendable (inout Document, DrillRequest) -> Void)?
    /// Seconds since the agent's observation.
    var age = 0.0
    var nonce = Nonce.echoed
    /// nil for an id of the host's own.
    var hostID: String?
    var reason: String?
    /// The result of the agent's probe; nil without one.
    var served: ProbeResult?

    init(_ build: DrillBuild = .promoted, _ change: (inout DrillStatement) -> Void = { _ in }) {
        self.build = build
        change(&self)
    }

    func document(for request: DrillRequest) -> Document {
        // An agent that cannot read its engine knows neither instances nor the engine.
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

/// A build that simulated hosts serve. It does not exist anywhere.
struct DrillBuild: Sendable {
    let gitSHA: GitSHA?
    let digest: Digest?
    /// The bytes of the image's index, which has one manifest. Their hash is the digest.
    let index: [UInt8]
    private let manifest: Digest

    static let service = "drill"

    /// The promoted build.
    static let promoted = DrillBuild(commit: "promoted", image: "promoted")
    static let older = DrillBuild(commit: "older", image: "older")
    static let newer = DrillBuild(commit: "newer", image: "newer")
    /// The promoted commit in another image.
    static let rebuilt = DrillBuild(commit: "promoted", image: "rebuilt")
    /// The promoted image, labelled with another commit.
    static let mislabelled = DrillBuild(commit: "older", image: "promoted")
    /// The promoted image, without any commit.
    static let unlabelled = DrillBuild(commit: nil, image: "promoted")

    var target: Target { Target(service: Self.service, gitSHA: gitSHA, digest: digest) }

    /// The build by its commit only, as a host without an agent can prove it.
    var targetByCommit: Target { Target(service: Self.service, gitSHA: gitSHA) }

    /// The build with the content of its index.
    var targetWithContent: Target {
        var target = target
        target.content = PromotedContent(
            isIndex: true, manifests: [.init(digest: manifest, platform: Self.platform)])
        return target
    }

    /// The only platform that every image is built for.
    static let platform = Platform(os: "linux", architecture: "amd64")

    /// Commit and manifest are hashes of words, in the form of real ones.
    private init(commit: String?, image: String) {
        gitSHA = commit.flatMap { GitSHA(contractText: Hexadecimal.encode(SHA256.hash(Array("commit \($0)".utf8)))) }
        manifest = Digest(sha256Of: Array("image \(image)".utf8))
        index = Array(
            """
            {"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{\
            "mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"\(manifest)","size":2,\
            "platform":{"os":"\(Self.platform.os)","architecture":"\(Self.platform.architecture)"}}]}
            """.utf8)
        digest = Digest(sha256Of: index)
    }
}
