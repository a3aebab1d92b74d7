import Foundation
import Support
import Testing

@testable import EndToEndFixtures

@Suite("Service, verifications of an image", .timeLimit(.minutes(3)))
struct TargetImageTests {
    @Test("The target comes from the registry, and only from the repository of the fleet's image")
    func image() async throws {
        let folder = try TemporaryFolder()
        let registry = try await LocalRegistry.start()
        let image = MadeImage.single(revision: Commit.new)
        try registry.push(image, to: "canvas", tag: "latest")
        try registry.push(image, to: "other", tag: "latest")
        try folder.write(
            "build.json", #"{"git_sha":"\#(Commit.new)","digest":"\#(image.digest)","state":"serving"}"# + "\n")
        let agent = try await HostAgent.start("host-1", selector: "file:\(folder.path("build.json"))")
        try folder.write("fleet.yaml", "hosts:\n  - {name: host-1, url: \"\(agent.url)\"}\n")
        let service = try await ServedCollector.start(
            fleets: """
                  - service: canvas
                    environment: production
                    inventory: \(folder.path("fleet.yaml"))
                    image: \(registry.authority)/canvas:latest
                    policy: {soak: 1s, timeout: 1m, interval: 500ms}
                """, in: folder)
        func start(_ more: String, key: String) throws -> LoopbackRequest.Answer {
            try service.answer(
                "POST", "/api/v1/verifications", token: ServedCollector.verifyToken,
                headers: [("Idempotency-Key", key)],
                body: #"{"service": "canvas", "environment": "production", \#(more)}"#)
        }
        for (more, status, detail) in [
            (#""image": "\#(registry.authority)/other:latest""#, 400, "not in the repository of the fleet's image"),
            (#""image": "127.0.0.1:1/canvas:latest""#, 400, "not in the repository of the fleet's image"),
            (#""image": "\#(registry.authority)/canvas:missing""#, 400, "missing"),
            (
                #""image": "\#(registry.authority)/canvas:latest", "git_sha": "\#(Commit.old)""#, 400,
                "was not built from"
            ),
            (#""image": "a b""#, 400, "invalid image"),
        ] {
            let refused = try start(more, key: more)
            #expect(refused.status == status && refused.text.contains(detail), "\(more): \(refused.text)")
        }
        let started = try start(#""image": "\#(registry.authority)/canvas:latest""#, key: "k")
        #expect(started.status == 201, "\(started.text)")
        let id = try #require(try ServedCollector.object(started)["id"] as? String)
        var last: [String: Any] = [:]
        try await eventually("the verification ends", detail: { "\(last)" }) {
            last = try service.object("/api/v1/verifications/\(id)", headers: [("Prefer", "wait=5")])
            return last["state"] as? String == "finished"
        }
        let report = try #require(last["report"] as? [String: Any])
        #expect(report["verdict"] as? String == "converged")
        let target = try #require(report["target"] as? [String: Any])
        #expect(target["git_sha"] as? String == Commit.new && target["digest"] as? String == "\(image.digest)")
    }
}
