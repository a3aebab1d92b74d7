import NIOCore
import NIOPosix
import Shared
import Support
import Testing

@testable import Agent
@testable import AgentCore

@Suite struct EngineSessionTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// The result of one scan, and the requests that it made.
    private func scan(
        _ script: FakeEngineScript, services: [String] = ["canvas=compose:canvas"], timeout: TimeAmount = .seconds(20)
    ) async throws -> (Result<EngineSnapshot, EngineFailure>, [String]) {
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: script)
        try await engine.start()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let client = EngineClient(address: .unix(path: engine.socketPath), group: group, timeout: timeout)
        let outcome = await EngineScan(
            client: client, services: try services.map(Samples.service), budget: .seconds(60)
        ).run()
        try await group.shutdownGracefully()
        try await engine.stop()
        return (outcome, engine.requests)
    }

    private func document(_ outcome: Result<EngineSnapshot, EngineFailure>) -> DocumentContent {
        DocumentBuilder(host: Samples.host).content(for: Samples.canvas, scans: [outcome])
    }

    @Test("A classic engine gets exactly these requests, and only about the service's container")
    func classic() async throws {
        let (outcome, requests) = try await scan(EngineScripts.classic)
        #expect(
            requests == [
                "GET /_ping", "GET /v1.41/info", "GET /v1.41/containers/json?all=1",
                "GET /v1.41/containers/\(Samples.id("1"))/json", "GET /v1.41/images/\(Samples.digestText("c"))/json",
                "GET /v1.41/images/\(EngineScripts.reference)/json",
            ])
        let content = document(outcome)
        #expect(content.state == .serving)
        #expect(content.gitSHA?.hex == Samples.sha)
        #expect(content.digest == (try Samples.digest("d")))
        #expect(
            content.engine
                == EngineIdentity(
                    name: .docker, store: .classic, version: "20.10.24", apiVersion: "1.41", platform: "linux/amd64"))
        #expect(content.instances.first?.image.tagMoved == false)
    }

    @Test("Podman is recognised by its header, and is also asked for its ImageDigest")
    func podman() async throws {
        let (outcome, requests) = try await scan(EngineScripts.podman)
        #expect(requests.contains("GET /v4.0.0/libpod/containers/\(Samples.id("1"))/json"))
        let content = document(outcome)
        #expect(content.engine?.name == .podman)
        #expect(content.engine?.store == .podman)
        #expect(content.digest == (try Samples.digest("d")))
    }

    @Test("On containerd, .Image is the content digest, and the platform's manifest is listed beside it")
    func containerd() async throws {
        let (outcome, _) = try await scan(EngineScripts.containerd)
        let content = document(outcome)
        #expect(content.engine?.store == .containerd)
        #expect(content.digest == (try Samples.digest("c")))
        #expect(content.instances.first?.image.digests.map(\.kind) == [.index, .manifest])
    }

    @Test(
        "The API version is the lower of the engine's and 1.53",
        arguments: [("1.24", "1.24"), ("1.53", "1.53"), ("1.60", "1.53"), ("2.0", "1.53")])
    func version(offered: String, used: String) async throws {
        var script = EngineScripts.classic
        script.apiVersion = used
        script.overrides["/_ping"] = .plain("OK", headers: ["Api-Version": offered])
        let (outcome, requests) = try await scan(script)
        #expect(requests.contains("GET /v\(used)/info"))
        #expect(document(outcome).state == .serving)
    }

    @Test("After a pull without a recreate, the old image's commit is reported, and the tag has moved")
    func pulledNotRecreated() async throws {
        var script = EngineScripts.classic
        script.images[0].tags = []
        script.images.append(
            .init(
                id: Samples.digestText("8"), tags: [EngineScripts.reference],
                repoDigests: ["registry.example/canvas@" + Samples.digestText("7")],
                labels: [BuildinfoProtocol.revisionLabel: Samples.otherSHA]))
        let content = document(try await scan(script).0)
        #expect(content.gitSHA?.hex == Samples.sha)
        #expect(content.digest == (try Samples.digest("d")))
        #expect(content.instances.first?.image.tagMoved == true)
    }

    @Test("The container's own revision label does not count")
    func containerLabel() async throws {
        var script = EngineScripts.classic
        script.containers[0].labels[BuildinfoProtocol.revisionLabel] = Samples.otherSHA
        #expect(document(try await scan(script).0).gitSHA?.hex == Samples.sha)
        script.images[0].labels = [:]
        #expect(document(try await scan(script).0).gitSHA == nil)
    }

    @Test(
        "Each selector finds its container",
        arguments: [
            "canvas=compose:canvas", "canvas=container:canvas-1", "canvas=label:com.docker.compose.service=canvas",
            "canvas=image:registry.example/canvas",
        ])
    func selectors(service: String) async throws {
        let content = document(try await scan(EngineScripts.classic, services: [service]).0)
        #expect(content.instances.map(\.name) == ["canvas-1"])
    }

    @Test(
        "Similar names are not selected",
        arguments: [
            "canvas=compose:canva", "canvas=container:canvas", "canvas=label:com.docker.compose.service=canvas2",
            "canvas=image:registry.example/canvas2", "canvas=image:canvas",
        ])
    func similar(service: String) async throws {
        #expect(document(try await scan(EngineScripts.classic, services: [service]).0).state == .absent)
    }

    @Test("image: finds a container whose tag has moved on, and which is listed by its image id")
    func imageSelectorAfterPull() async throws {
        var script = EngineScripts.classic
        script.images[0].tags = []
        script.images.append(.init(id: Samples.digestText("8"), tags: [EngineScripts.reference]))
        let content = document(try await scan(script, services: ["canvas=image:registry.example/canvas"]).0)
        #expect(content.instances.map(\.name) == ["canvas-1"])
    }

    @Test("Podman's own Compose label counts on Podman only")
    func podmanCompose() async throws {
        var script = EngineScripts.podman
        script.containers[0].labels = ["io.podman.compose.service": "canvas"]
        #expect(document(try await scan(script).0).state == .serving)
        script.kind = .classic
        #expect(document(try await scan(script).0).state == .absent)
    }

    @Test("The scan is retried once when a container vanishes between list and inspection")
    func vanished() async throws {
        var script = EngineScripts.classic
        let inspection = "/containers/\(Samples.id("1"))/json"
        script.once[inspection] = [.status(404)]
        let (outcome, requests) = try await scan(script)
        #expect(document(outcome).state == .serving)
        #expect(requests.filter { $0.contains("all=1") }.count == 2)
        script.overrides[inspection] = .status(404)
        script.once = [:]
        let failed = document(try await scan(script).0)
        #expect(failed.state == .unknown)
        #expect(failed.reason?.contains("vanish") == true)
    }

    @Test("Without its image, a container is reported without a commit")
    func imageGone() async throws {
        var script = EngineScripts.containerd
        script.images = []
        let content = document(try await scan(script).0)
        #expect(content.state == .serving)
        #expect(content.gitSHA == nil)
        #expect(content.digest == (try Samples.digest("c")))
    }

    struct Fault: CustomTestStringConvertible, Sendable {
        var path: String
        var answer: FakeEngineAnswer
        var reason: EngineFailure.Reason
        var testDescription: String { "\(path): \(reason)" }
    }

    static let requests = [
        "/_ping", "/info", "/containers/json?all=1", "/containers/\(Samples.id("1"))/json",
        "/images/\(Samples.digestText("c"))/json", "/images/\(EngineScripts.reference)/json",
    ]

    @Test(
        "A request that is denied, fails or gets garbage makes the state unknown, never absent or serving",
        arguments: requests.flatMap { path in
            [
                Fault(path: path, answer: .status(403), reason: .denied),
                Fault(path: path, answer: .status(500), reason: .httpStatus),
                Fault(path: path, answer: .raw("SSH-2.0-OpenSSH\r\n\r\n"), reason: .garbage),
                Fault(path: path, answer: .raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n["), reason: .garbage),
            ] + (path == "/_ping" ? [] : [Fault(path: path, answer: .json("{\"cut\":"), reason: .garbage)])
        })
    func faults(fault: Fault) async throws {
        var script = EngineScripts.classic
        script.overrides[fault.path] = fault.answer
        let (outcome, _) = try await scan(script)
        guard case .failure(let failure) = outcome else {
            Issue.record("\(fault) went unnoticed")
            return
        }
        #expect(failure.reason == fault.reason)
        let content = document(outcome)
        #expect(content.state == .unknown)
        #expect(content.gitSHA == nil)
        #expect(content.reason?.isEmpty == false)
    }

    @Test("A hung engine is abandoned after the time limit", arguments: requests)
    func hang(path: String) async throws {
        var script = EngineScripts.classic
        script.overrides[path] = .hang
        guard case .failure(let failure) = try await scan(script, timeout: .milliseconds(200)).0 else {
            Issue.record("a hanging engine went unnoticed")
            return
        }
        #expect(failure.reason == .timeout)
    }

    @Test("A response beyond its size limit is rejected", arguments: ["/_ping", "/containers/json?all=1"])
    func flood(path: String) async throws {
        var script = EngineScripts.classic
        script.overrides[path] = .flood(bytes: 9 << 20)
        guard case .failure(let failure) = try await scan(script).0 else {
            Issue.record("a flood went unnoticed")
            return
        }
        #expect(failure.reason == .tooLarge)
    }

    @Test("A socket that is missing or has no listener is unreachable")
    func unreachable() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let services = [try Samples.service("canvas=compose:canvas")]
        let engine = FakeEngine(socketPath: folder.file("dead.sock"), script: EngineScripts.classic)
        try await engine.start()
        try await engine.stop()
        for path in [folder.file("none.sock"), folder.file("dead.sock")] {
            let scan = await EngineScan(
                client: EngineClient(address: .unix(path: path), group: group), services: services
            ).run()
            guard case .failure(let failure) = scan else {
                Issue.record("no engine went unnoticed")
                continue
            }
            #expect(failure.reason == .unreachable)
            #expect(failure.description.contains(path))
        }
        try await group.shutdownGracefully()
    }

    @Test(
        "Invalid ids are not put into a request",
        arguments: ["../../secrets", "abc", "", "A\(String(repeating: "1", count: 63))"])
    func hostileIDs(id: String) async throws {
        var script = EngineScripts.classic
        script.containers[0].id = id
        let (outcome, requests) = try await scan(script)
        #expect(document(outcome).state == .unknown)
        #expect(requests.count == 3)
    }

    @Test(
        "A typed reference with invalid characters is not put into a request",
        arguments: ["canvas:la test", "canvas/../../info", "Canvas:latest?x=1", "canvas:latest\\u0000"])
    func hostileReferences(reference: String) async throws {
        var script = EngineScripts.classic
        script.containers[0].typedImage = reference
        let (outcome, requests) = try await scan(script)
        #expect(document(outcome).state == .serving)
        #expect(requests.count == 5)
    }

    @Test("Only the fields of the allow-list are read from responses")
    func projection() async throws {
        for script in [EngineScripts.classic, EngineScripts.containerd, EngineScripts.podman] {
            let content = document(try await scan(script).0)
            let text = String(
                decoding: try DocumentBody(content).bytes(observedAt: "", age: .zero, uptime: .zero, nonce: nil),
                as: UTF8.self)
            #expect(!text.contains("hunter2") && !text.contains("secret") && !text.contains("com.docker"))
            #expect(content.instances.allSatisfy { $0.deployment?.tool == .compose })
        }
    }
}
