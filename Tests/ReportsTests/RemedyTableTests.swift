import Shared
import Testing

@testable import CollectorFixtures
@testable import Reports
@testable import Verdict

/// Every reason's text, for every engine and every way of starting a container.
@Suite("The table of remedies")
struct RemedyTableTests {
    private static let target = Target(service: "canvas", gitSHA: .of("a"), digest: .of("1"))

    /// A deployment as an agent reports it; nil for an agent that reports none.
    private static let deployments: [(String, Instance.Deployment?)] = [
        ("compose", .init(tool: .compose, group: "shop", name: "canvas", directory: "/srv/shop")),
        (
            "compose with files",
            .init(
                tool: .compose, group: "prod", name: "canvas", directory: "/srv/my shop",
                files: ["/srv/my shop/compose.yaml", "/srv/my shop/prod.yaml"])
        ), ("compose without a folder", .init(tool: .compose, group: "shop", name: "canvas")),
        ("swarm", .init(tool: .swarm, group: "shop", name: "shop_canvas")),
        ("kamal", .init(tool: .kamal, group: "eu", name: "canvas")),
        ("nomad", .init(tool: .nomad, group: "shop", name: "canvas")),
        ("kubernetes", .init(tool: .kubernetes, group: "shop", name: "canvas")),
        ("systemd", .init(tool: .systemd, name: "canvas.service")), ("direct", .init(tool: .direct)),
        ("other", .init(tool: .other)), ("not reported", nil),
    ]
    private static let references = [
        "registry.example/canvas:latest", "registry.example/canvas:staging-bbbbbbbbbbbb",
        "registry.example/canvas@\(Digest.of("2"))", "sha256:\(String(repeating: "c", count: 64))",
    ]

    @Test("Every reason's text is as reviewed, for every engine, deployment and reference")
    func golden() throws {
        var lines: [String] = []
        var seen: [HostReason.Code: Set<String>] = [:]
        func add(_ heading: String, _ setup: ServiceSetup) {
            let source = ImageTracking(setup, target: Self.target, served: .of("b"))
            let fresh = HostReason.samples(setup, source).compactMap { reason -> String? in
                let text = reason.text
                guard seen[reason.code, default: []].insert(text.sentence).inserted else { return nil }
                let command = text.command.map { "\n      $ \($0)" } ?? ""
                return "    \(reason.code.rawValue): \(text.sentence)\(command)"
            }
            if !fresh.isEmpty { lines += ["", heading] + fresh }
        }
        for engine: EngineIdentity.Name? in [.docker, .podman, nil] {
            for (name, deployment) in engine == nil ? [("no agent, or a file", nil)] : Self.deployments {
                for reference in engine == nil ? [nil] : Self.references.map(Optional.some) {
                    add(
                        "\(engine?.rawValue ?? "no engine"), \(name)\(reference.map { ", \($0)" } ?? "")",
                        ServiceSetup(
                            service: "canvas", engine: engine, deployment: deployment,
                            container: engine == nil ? nil : "shop-canvas-1", reference: reference))
                }
            }
        }
        #expect(Set(seen.keys) == Set(HostReason.Code.allCases))
        try Golden.expect(lines.dropFirst().joined(separator: "\n") + "\n", "remedies.txt")
    }

    @Test("A remedy that brings a build has a code that says so", arguments: Self.deployments.map(\.0))
    func codes(_ name: String) throws {
        let deployment = try #require(Self.deployments.first { $0.0 == name }).1
        for engine: EngineIdentity.Name? in [.docker, .podman, nil] {
            for reference in Self.references {
                let setup = ServiceSetup(
                    service: "canvas", engine: engine, deployment: engine == nil ? nil : deployment,
                    container: "shop-canvas-1", reference: reference)
                for reason in HostReason.samples(setup, ImageTracking(setup, target: Self.target, served: .of("b"))) {
                    let text = reason.text
                    let spreads = [text.remedy, text.command].compactMap { $0 }.contains(where: Rollouts.areNamed)
                    #expect(!spreads || reason.code.bringsBuild, "\(reason.code): \(text.sentence)")
                    let kept = text.withoutRollout(reason.code)
                    #expect(!Rollouts.areNamed(in: kept.sentence), "\(reason.code): \(kept.sentence)")
                    #expect(kept.command.map(Rollouts.areNamed) != true)
                    #expect(text.command.map { text.remedy?.contains($0) == true } ?? true, "\(text)")
                }
            }
        }
    }
}
