import Shared

@testable import Agent
@testable import AgentCore

/// Values that many tests need.
enum Samples {
    static let sha = String(repeating: "a1", count: 20)
    static let otherSHA = String(repeating: "b2", count: 20)

    static let host = HostIdentity(id: "host-0001", name: "canvas-01", bootID: "boot-1")

    /// `sha256:` and the digit 64 times.
    static func digestText(_ digit: Character) -> String { "sha256:" + String(repeating: digit, count: 64) }

    static func digest(_ digit: Character) throws -> Digest { try Digest(parsing: digestText(digit)) }

    static func id(_ digit: Character) -> String { String(repeating: digit, count: 64) }

    static let canvas = ServiceDeclaration(name: "canvas", selector: .compose(project: nil, service: "canvas"))

    static let revision = [BuildinfoProtocol.revisionLabel: sha]

    static func service(_ text: String) throws -> ServiceDeclaration { try ServiceDeclaration(parsing: text) }

    /// A container that serves, on the classic store, pulled by one reference.
    static func facts(
        id: Character = "1", name: String = "canvas-1", services: Set<String> = ["canvas"],
        typed: String = "registry.example/canvas:latest", image: Character = "c",
        repoDigests: [String] = ["registry.example/canvas@" + digestText("d")], revision: String? = sha
    ) throws -> ContainerFacts {
        ContainerFacts(
            id: Self.id(id), name: name, services: services, typedImage: typed, imageID: try digest(image),
            state: ContainerStateFacts(status: "running", running: true, startedAt: "2026-11-20T10:00:00Z"),
            restartCount: 0,
            image: ImageFacts(
                revision: revision, repoDigests: repoDigests, platform: Platform(os: "linux", architecture: "amd64")),
            tagImageID: try digest(image))
    }

    static func snapshot(
        _ containers: [ContainerFacts], name: EngineIdentity.Name = .docker, store: EngineIdentity.Store = .classic
    ) -> EngineSnapshot {
        EngineSnapshot(
            engine: EngineIdentity(name: name, store: store, version: "20.10.24", apiVersion: "1.41"),
            containers: containers)
    }
}

extension DocumentBuilder {
    func content(
        for service: ServiceDeclaration, scans: [Result<EngineSnapshot, EngineFailure>]
    ) -> DocumentContent {
        content(for: service.name, selector: service.selector, expected: service.expected, scans: scans)
    }
}
