import Shared
import Testing

@testable import Agent
@testable import AgentCore

@Suite struct DocumentBuilderTests {
    private let builder = DocumentBuilder(host: Samples.host)
    private let denied = EngineFailure(.denied, "the engine at /run/docker.sock denied GET /info (403): permit it")

    @Test("One serving container determines its service's document")
    func one() throws {
        let content = builder.content(for: Samples.canvas, scans: [.success(Samples.snapshot([try Samples.facts()]))])
        #expect(content.state == .serving)
        #expect(content.gitSHA?.hex == Samples.sha)
        #expect(content.digest == (try Samples.digest("d")))
        #expect(content.reason == nil)
        #expect(content.engine?.store == .classic)
        #expect(content.instances.count == 1)
    }

    @Test("A service without a container is absent, never serving")
    func none() {
        let content = builder.content(for: Samples.canvas, scans: [.success(Samples.snapshot([]))])
        #expect(content.state == .absent)
        #expect(content.gitSHA == nil)
        #expect(content.reason?.contains("no container matches") == true)
    }

    @Test("Containers of another service do not count")
    func otherService() throws {
        let snapshot = Samples.snapshot([try Samples.facts(services: ["web"])])
        #expect(builder.content(for: Samples.canvas, scans: [.success(snapshot)]).state == .absent)
    }

    @Test("Two commits on one host make the commit unknown")
    func mixed() throws {
        let snapshot = Samples.snapshot([
            try Samples.facts(), try Samples.facts(id: "2", name: "canvas-2", revision: Samples.otherSHA),
        ])
        let content = builder.content(for: Samples.canvas, scans: [.success(snapshot)])
        #expect(content.gitSHA == nil)
        #expect(content.digest != nil)
        #expect(content.reason == "the instances run different commits")
    }

    @Test("One instance without a commit makes the service's commit unknown")
    func partlyUnknown() throws {
        let snapshot = Samples.snapshot([
            try Samples.facts(), try Samples.facts(id: "2", name: "canvas-2", revision: nil),
        ])
        #expect(builder.content(for: Samples.canvas, scans: [.success(snapshot)]).gitSHA == nil)
    }

    @Test("The worst instance determines the state")
    func worst() throws {
        var paused = try Samples.facts(id: "2", name: "canvas-2")
        paused.state.paused = true
        let content = builder.content(
            for: Samples.canvas, scans: [.success(Samples.snapshot([try Samples.facts(), paused]))])
        #expect(content.state == .paused)
        #expect(content.reason == "canvas-2 is paused")
        #expect(content.gitSHA?.hex == Samples.sha)
    }

    @Test("An engine that cannot be read makes the service unknown, for its reason", arguments: [0, 1])
    func unreadable(position: Int) throws {
        var scans: [Result<EngineSnapshot, EngineFailure>] = [.success(Samples.snapshot([try Samples.facts()]))]
        scans.insert(.failure(denied), at: position)
        let content = builder.content(for: Samples.canvas, scans: scans)
        #expect(content.state == .unknown)
        #expect(content.gitSHA == nil)
        #expect(content.digest == nil)
        #expect(content.reason?.contains("denied GET /info") == true)
        #expect(content.instances.count == 1)
    }

    @Test("The containers of two engines are merged in a fixed order, each once")
    func union() throws {
        let first = try Samples.facts(id: "1", name: "b")
        let second = try Samples.facts(id: "2", name: "a")
        let one = [
            Result<EngineSnapshot, EngineFailure>.success(Samples.snapshot([first, second])),
            .success(Samples.snapshot([second])),
        ]
        let other = [
            Result<EngineSnapshot, EngineFailure>.success(Samples.snapshot([second, first])),
            .success(Samples.snapshot([])),
        ]
        let content = builder.content(for: Samples.canvas, scans: one)
        #expect(content.instances.map(\.name) == ["a", "b"])
        #expect(content == builder.content(for: Samples.canvas, scans: other))
    }

    @Test("With more containers than a document can list, the service is unknown")
    func tooMany() throws {
        let many = try (0..<257).map { number in
            var facts = try Samples.facts(name: "canvas-\(number)")
            facts.id = String(number)
            return facts
        }
        let content = builder.content(for: Samples.canvas, scans: [.success(Samples.snapshot(many))])
        #expect(content.state == .unknown)
        #expect(content.instances.isEmpty)
        #expect(content.reason?.contains("257") == true)
    }
}
