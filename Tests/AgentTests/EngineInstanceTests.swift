import NIOCore
import NIOPosix
import Shared
import Support
import Testing

@testable import Agent
@testable import AgentCore

/// From an engine's responses to a service's instances.
@Suite struct EngineInstanceTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func content(
        _ script: FakeEngineScript, _ service: String = "canvas=compose:canvas", timeout: TimeAmount = .seconds(20)
    ) async throws -> (DocumentContent, requests: [String]) {
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: script)
        try await engine.start()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let client = EngineClient(address: .unix(path: engine.socketPath), group: group, timeout: timeout)
        let declaration = try Samples.service(service)
        let scan = await EngineScan(client: client, services: [declaration], budget: .seconds(60)).run()
        try await group.shutdownGracefully()
        try await engine.stop()
        return (DocumentBuilder(host: Samples.host).content(for: declaration, scans: [scan]), engine.requests)
    }

    private static let exited = """
        "Status":"exited","Running":false,"Paused":false,"Restarting":false,"OOMKilled":false,"Dead":false,"ExitCode":137,\
        "StartedAt":"2026-11-20T09:00:00Z","FinishedAt":"2026-11-20T10:00:00Z","Error":""
        """

    private func compose(_ project: String, _ service: String = "canvas", oneOff: Bool = false) -> [String: String] {
        [
            "com.docker.compose.project": project, "com.docker.compose.service": service,
            "com.docker.compose.oneoff": oneOff ? "True" : "False", "com.docker.compose.container-number": "1",
        ]
    }

    /// A script with another container of the service.
    private func script(
        _ base: FakeEngineScript = EngineScripts.classic, labels: [String: String], name: String = "other",
        state: String = exited, created: String = "2026-11-20T08:00:00Z"
    ) -> FakeEngineScript {
        var script = base
        script.containers[0].labels = compose("shop")
        script.containers[0].created = "2026-11-20T10:00:00.1Z"
        script.containers[1] = .init(
            id: Samples.id("2"), name: name, labels: labels, typedImage: EngineScripts.reference,
            imageID: Samples.digestText("c"), state: state, created: created)
        return script
    }

    @Test("Field 4: a one-off is recognised by its label, on every engine, with any selector", arguments: [0, 1, 2])
    func oneOff(engine: Int) async throws {
        let base = [EngineScripts.classic, EngineScripts.podman, EngineScripts.containerd][engine]
        let script = script(base, labels: compose("shop", oneOff: true), state: FakeEngineScript.running)
        for selector in ["compose:canvas", "image:registry.example/canvas", "label:com.docker.compose.project=shop"] {
            let (content, _) = try await content(script, "canvas=\(selector)")
            #expect(content.instances.map(\.name) == ["canvas-1"])
            #expect(content.leftOut.map(\.name) == ["other"])
        }
        #expect(try await content(script, "canvas=container:other").0.state == .absent)
    }

    @Test("Field 7: a replaced container is recognised by the creation times in inspections")
    func replaced() async throws {
        let (content, _) = try await content(script(labels: compose("shop")))
        #expect(content.state == .serving)
        #expect(content.leftOut.map(\.reason) == [.replaced])
        let newer = try await self.content(script(labels: compose("shop"), created: "2026-11-20T10:00:00.2Z")).0
        #expect(newer.state == .exited)
        #expect(newer.instances.count == 2)
    }

    @Test("Field 7: without a creation time in the inspection, the list's is used")
    func listedTimes() async throws {
        var script = script(labels: compose("shop"))
        for index in 0..<2 { script.containers[index].created = nil }
        script.containers[0].listedCreated = 1_795_000_002
        script.containers[1].listedCreated = 1_795_000_001
        #expect(try await content(script).0.leftOut.map(\.name) == ["other"])
        script.containers[1].listedCreated = nil
        #expect(try await content(script).0.instances.count == 2)
    }

    @Test("Field 3: a project is selected by its label, and by its name as Compose normalises it")
    func projects() async throws {
        let script = script(labels: compose("my-app_2"), state: FakeEngineScript.running)
        #expect(try await content(script).0.state == .unknown)
        for project in ["my-app_2", "My-App_2", "_my-app_2", "my.-app_2"] {
            let (content, _) = try await content(script, "canvas=compose:\(project)/canvas")
            #expect(content.instances.map(\.name) == ["other"])
            #expect(content.instances.map(\.project) == ["my-app_2"])
            #expect(content.state == .serving)
        }
        for project in ["my-app", "my-app_22", "myapp_2"] {
            #expect(try await content(script, "canvas=compose:\(project)/canvas").0.state == .absent)
        }
    }

    @Test("podman-compose's own labels select a project on Podman")
    func podmanProject() async throws {
        var script = EngineScripts.podman
        script.containers[0].labels = ["io.podman.compose.project": "shop", "io.podman.compose.service": "canvas"]
        let (content, _) = try await content(script, "canvas=compose:shop/canvas")
        #expect(content.instances.map(\.project) == ["shop"])
        #expect(try await self.content(script, "canvas=compose:other/canvas").0.state == .absent)
    }

    @Test("swarm: accepts a service's name with and without its stack, and distinguishes stacks")
    func swarm() async throws {
        func labels(_ stack: String, _ task: String) -> [String: String] {
            [
                "com.docker.swarm.service.name": "\(stack)_canvas", "com.docker.stack.namespace": stack,
                "com.docker.swarm.task.id": task, "com.docker.swarm.task.name": "\(stack)_canvas.1.\(task)",
            ]
        }
        var script = script(labels: labels("shop", "t1"))
        script.containers[0].labels = labels("shop", "t2")
        for selector in ["swarm:shop_canvas", "swarm:canvas"] {
            let (content, _) = try await content(script, "canvas=\(selector)")
            #expect(content.state == .serving)
            #expect(content.instances.map(\.project) == ["shop"])
            #expect(content.leftOut.map(\.name) == ["other"])
        }
        script.containers[1].labels = labels("demo", "t3")
        #expect(try await content(script, "canvas=swarm:shop_canvas").0.state == .serving)
        let both = try await content(script, "canvas=swarm:canvas").0
        #expect(both.state == .unknown)
        #expect(both.reason?.contains("(demo, shop)") == true)
        #expect(both.reason?.hasSuffix("swarm:demo_canvas") == true)
        #expect(try await content(script, "canvas=swarm:hop_canvas").0.state == .absent)
    }

    @Test("A pod's infrastructure container is recognised by Podman's own API")
    func pod() async throws {
        var script = script(
            EngineScripts.podman, labels: compose("shop"), name: "0a1b-infra", state: FakeEngineScript.running)
        script.containers[1].isInfrastructure = true
        let (content, _) = try await content(script)
        #expect(content.instances.map(\.name) == ["canvas-1"])
        #expect(content.leftOut.map(\.reason) == [.infrastructure])
    }

    @Test(
        "Field 21: an inspection that hangs or fails is named by its container",
        arguments: [FakeEngineAnswer.hang, .status(500), .json("{"), .status(404)])
    func hung(answer: FakeEngineAnswer) async throws {
        var script = script(labels: compose("shop"), name: "shop-canvas-run-9f")
        script.overrides["/containers/\(Samples.id("2"))/json"] = answer
        let (content, _) = try await content(script, timeout: .milliseconds(300))
        #expect(content.state == .unknown)
        #expect(content.reason?.hasPrefix("container shop-canvas-run-9f: ") == true, "\(content)")
    }

    @Test("Field 21: the container is named, too, when its image cannot be inspected")
    func hungImage() async throws {
        var script = script(labels: compose("shop"))
        script.overrides["/images/\(Samples.digestText("c"))/json"] = .hang
        let (content, _) = try await content(script, timeout: .milliseconds(300))
        #expect(content.reason?.hasPrefix("container canvas-1: ") == true, "\(content)")
    }

    @Test(
        "Field 8: the platform is that of the engine's host, in OCI's names",
        arguments: [
            ("linux", "x86_64", "linux/amd64"), ("linux", "aarch64", "linux/arm64"), ("linux", "arm64", "linux/arm64"),
            ("linux", "armv7l", "linux/arm/v7"), ("linux", "armv6l", "linux/arm/v6"),
            ("linux", "armv8l", "linux/arm/v8"),
            ("linux", "i686", "linux/386"), ("Linux", "s390x", "linux/s390x"), ("windows", "x86_64", "windows/amd64"),
        ])
    func platform(os: String, architecture: String, platform: String) async throws {
        var script = EngineScripts.classic
        script.overrides["/info"] = .json(#"{"OSType":"\#(os)","Architecture":"\#(architecture)"}"#)
        #expect(try await content(script).0.engine?.platform == platform)
    }

    @Test("Field 8: an engine that does not report its platform has none", arguments: ["{}", #"{"OSType":"linux"}"#])
    func noPlatform(info: String) async throws {
        var script = EngineScripts.classic
        script.overrides["/info"] = .json(info)
        #expect(try await content(script).0.engine?.platform == nil)
    }

    // MARK: - A scripted containerd engine

    private static let arm = "linux/arm64"
    private static let query =
        "/images/\(Samples.digestText("c"))/json?platform=%7B%22os%22%3A%22linux%22%2C%22architecture%22%3A%22arm64%22%7D"

    /// The engine shows the index's linux/amd64 image, and the container runs linux/arm64.
    private func emulated(apiVersion: String = "1.49") -> FakeEngineScript {
        var script = EngineScripts.containerd
        script.apiVersion = apiVersion
        script.containers[0].manifestDescriptor =
            #"{"digest":"\#(Samples.digestText("e"))","platform":{"os":"linux","architecture":"arm64","variant":"v8"}}"#
        return script
    }

    private func image(_ architecture: String, revision: String) -> FakeEngineAnswer {
        .json(
            """
            {"Id":"\(Samples.digestText("c"))","Os":"linux","Architecture":"\(architecture)",\
            "Config":{"Labels":{"org.opencontainers.image.revision":"\(revision)"}}}
            """)
    }

    @Test("Field 14: the commit is that of the platform that the container runs")
    func runningPlatform() async throws {
        var script = emulated()
        script.overrides[Self.query] = image("arm64", revision: Samples.otherSHA)
        let (content, requests) = try await content(script)
        #expect(content.gitSHA?.hex == Samples.otherSHA)
        #expect(content.instances.first?.image.platform == Self.arm)
        #expect(requests.filter { $0.contains("?platform=") }.count == 1)
        script.images = []
        #expect(try await self.content(script).0.gitSHA?.hex == Samples.otherSHA, "not the host's platform at all")
    }

    @Test("Field 14: if that platform cannot be inspected, the commit is unknown, for that reason")
    func unknownPlatform() async throws {
        var other = emulated()
        other.overrides[Self.query] = image("amd64", revision: Samples.sha)
        var missing = emulated()
        missing.overrides[Self.query] = .status(404)
        for script in [other, missing, emulated(apiVersion: "1.48")] {
            let (content, requests) = try await content(script)
            #expect(content.state == .serving)
            #expect(content.gitSHA == nil)
            #expect(content.reason?.contains("for another platform than its own (linux/arm64)") == true)
            #expect(requests.contains { $0.contains("?platform=") } == (script.apiVersion == "1.49"))
        }
    }

    @Test("Field 14: a failed query makes the state unknown, and the host's own platform needs no query")
    func platformFailure() async throws {
        var script = emulated()
        script.overrides[Self.query] = .status(500)
        #expect(try await content(script).0.state == .unknown)
        let (content, requests) = try await content(EngineScripts.containerd)
        #expect(content.gitSHA?.hex == Samples.sha)
        #expect(!requests.contains { $0.contains("?platform=") })
    }

    @Test("A platform with invalid characters is not put into a request")
    func hostilePlatform() {
        #expect(PlatformQuery(Platform(os: "linux", architecture: "arm\"},")) == nil)
        #expect(PlatformQuery(Platform(os: "linux&x=1", architecture: "arm64")) == nil)
        #expect(
            PlatformQuery(Platform(os: "linux", architecture: "arm", variant: "v6"))?.description
                == "platform=%7B%22os%22%3A%22linux%22%2C%22architecture%22%3A%22arm%22%2C%22variant%22%3A%22v6%22%7D")
    }
}
