import Foundation
import Support
import Synchronization
import Testing

@testable import EndToEndFixtures

/// `verify --server --image`: the service reads the image.
@Suite("Verify an image through a service", .timeLimit(.minutes(3)))
struct RemoteImageTests {
    private struct Setting {
        let folder: TemporaryFolder
        let registry: LocalRegistry
        let agent: HostAgent
        let service: ServedCollector
        let image: MadeImage

        var repository: String { "\(registry.authority)/canvas" }

        static func start(soak: String = "1s") async throws -> Setting {
            let folder = try TemporaryFolder()
            let registry = try await LocalRegistry.start()
            let image = MadeImage.single(revision: Commit.new)
            try registry.push(image, to: "canvas", tag: "latest")
            try registry.push(image, to: "other", tag: "latest")
            try registry.push(MadeImage.single(revision: Commit.old), to: "canvas", tag: "old")
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
                        policy: {soak: \(soak), timeout: 1m, interval: 500ms}
                    """, in: folder)
            return Setting(folder: folder, registry: registry, agent: agent, service: service, image: image)
        }

        func start(_ more: [String], at authority: String? = nil) throws -> RunningProgram {
            try Program.collector().start(
                [
                    "verify", "--server", "http://\(authority ?? service.authority)", "--server-token-file",
                    folder.path("verify.token"), "--service", "canvas", "--environment", "production", "--progress",
                    "plain", "--report", "json=\(folder.path("report.json"))",
                ] + more)
        }

        func report() throws -> [String: Any] {
            try #require(
                try JSONSerialization.jsonObject(with: Data(folder.read("report.json").utf8)) as? [String: Any])
        }
    }

    @Test("The digest that the service read is in the report, and given commits and digests must be the image's")
    func image() async throws {
        let setting = try await Setting.start()
        for more in [[], ["--sha", Commit.new], ["--digest", "\(setting.image.digest)"]] {
            let outcome = try await setting.start(["--image", "\(setting.repository):latest"] + more).wait()
            #expect(outcome.exitCode == 0, "\(outcome.error)")
            let target = try #require(try setting.report()["target"] as? [String: Any])
            #expect(target["image"] as? String == "\(setting.repository):latest")
            #expect(target["digest"] as? String == "\(setting.image.digest)")
            #expect(target["git_sha"] as? String == Commit.new)
        }
        let exact = try await setting.start(["--image", "\(setting.repository)@\(setting.image.digest)"]).wait()
        #expect(exact.exitCode == 0, "\(exact.error)")
        let behind = try await setting.start(["--image", "\(setting.repository):old", "--timeout", "3s"]).wait()
        #expect(behind.exitCode != 0, "\(behind.error)")
        #expect(try setting.report()["verdict"] as? String != "converged")
    }

    @Test("An image that is not the fleet's, that is missing or another build is a usage error at once")
    func refused() async throws {
        let setting = try await Setting.start()
        let latest = "\(setting.repository):latest"
        let other = "sha256:" + String(repeating: "0", count: 64)
        for (options, message) in [
            (["--image", "\(setting.registry.authority)/other:latest"], "not in the repository of the fleet's image"),
            (["--image", "\(setting.repository):missing"], "does not have this tag"),
            (["--image", "\(setting.repository)@\(other)"], "does not have this digest"),
            (["--image", latest, "--sha", Commit.old], "was not built from"),
            (["--image", latest, "--digest", other], "the tag has moved"),
            (["--image", "\(latest)@\(setting.image.digest)", "--digest", other], "name two images"),
            (["--image", latest, "--index", "index.json"], "--index has no effect with --server"),
            (["--image", latest, "--plain-http"], "--plain-http has no effect with --server"),
            (["--image", latest, "--registry-ca", "ca.pem"], "--registry-ca has no effect with --server"),
        ] {
            let outcome = try await setting.start(options).wait(within: .seconds(20))
            #expect(outcome.exitCode == 64, "\(options): \(outcome.error)")
            #expect(outcome.error.contains(message), "\(options): \(outcome.error)")
        }
        #expect(!setting.folder.contains("report.json"))
    }

    @Test("A tag that is moved meanwhile is never green")
    func moved() async throws {
        let setting = try await Setting.start(soak: "20s")
        let running = try setting.start(["--image", "\(setting.repository):latest"])
        try await eventually("the host soaks", detail: { running.error }) { running.error.contains("soaking") }
        try setting.registry.push(MadeImage.single(revision: Commit.newer), to: "canvas", tag: "latest")
        let outcome = try await running.wait()
        #expect([31, 40].contains(outcome.exitCode), "\(outcome.error)")
    }

    @Test(
        "Green evidence of another image, or of none, is not this verification's",
        arguments: [#""image":"AUTHORITY/canvas:staging""#, #""git_sha":"COMMIT""#, #""digest":"DIGEST""#])
    func mistaken(_ asked: String) async throws {
        let setting = try await Setting.start()
        try setting.registry.push(setting.image, to: "canvas", tag: "staging")
        let service = setting.service.authority
        let asked = asked.replacing("AUTHORITY", with: setting.registry.authority)
            .replacing("COMMIT", with: Commit.new).replacing("DIGEST", with: "\(setting.image.digest)")
        let typed = "\"image\":\"\(setting.repository):latest\""
        let count = Mutex(0)
        let proxy = try await ScriptedHost.start(address: "127.0.0.1") { request in
            RemoteRunTests.forwarded(
                request, to: service,
                asking: { text in
                    if text.contains(typed) { count.withLock { $0 += 1 } }
                    return text.replacing(typed, with: asked)
                })
        }
        let outcome = try await setting.start(
            ["--image", "\(setting.repository):latest"], at: "127.0.0.1:\(proxy.port)"
        ).wait()
        await proxy.stop()
        #expect(count.withLock { $0 } > 0, "nothing was changed")
        #expect(outcome.exitCode == 69, "\(outcome.error)")
        #expect(outcome.error.contains("of another verification"), "\(outcome.error)")
    }
}
