import Shared
import Synchronization
import Testing

@testable import Agent
@testable import AgentCore

/// A health output that changes with every check must not make an idle agent busy.
@Suite struct HealthOutputChangeTests {
    private let start = ContinuousClock.now

    private func content(_ output: String?, state: ServiceState = .unhealthy) throws -> DocumentContent {
        var facts = try Samples.facts()
        facts.state.health = "unhealthy"
        facts.state.healthLog = output.map {
            [.init(startedAt: EngineTime("2026-11-20T10:00:01Z"), exitCode: 1, output: $0)]
        }
        var content = DocumentBuilder(host: Samples.host).content(
            for: Samples.canvas, scans: [.success(Samples.snapshot([facts]))])
        #expect(content.instances.map(\.healthOutput) == [output])
        content.state = state
        return content
    }

    private func store() throws -> (DocumentStore, notified: Notified) {
        let store = DocumentStore([try .init(unobserved: "canvas", host: Samples.host, reason: "not yet")])
        let notified = Notified()
        store.observe { _ in notified.count.withLock { $0 += 1 } }
        return (store, notified)
    }

    private final class Notified: Sendable {
        let count = Mutex(0)
        var value: Int { count.withLock { $0 } }
    }

    private func publish(_ store: DocumentStore, _ content: DocumentContent, at seconds: Double) throws -> Bool {
        try store.publish(content, startedAt: start + .seconds(seconds), observedAt: "2026-11-20T10:00:00Z")
    }

    private func output(_ store: DocumentStore) -> String? {
        store.entry("canvas")?.body.content.instances.first?.healthOutput
    }

    @Test("A changed output alone is shown once a minute, wakes held requests once, and is no change for the schedule")
    func changes() throws {
        let (store, notified) = try store()
        #expect(try publish(store, content("refused at 0"), at: 0))
        #expect(notified.value == 1)
        let tag = store.entry("canvas")?.body.entityTag
        for second in 1..<60 {
            #expect(try !publish(store, content("refused at \(second)"), at: Double(second)))
        }
        #expect(notified.value == 1)
        #expect(output(store) == "refused at 0")
        #expect(store.entry("canvas")?.body.entityTag == tag)
        #expect(store.entry("canvas")?.startedAt == start + .seconds(59), "the evidence is fresh all the same")
        #expect(try !publish(store, content("refused at 60"), at: 60))
        #expect(output(store) == "refused at 60")
        #expect(notified.value == 2)
        #expect(try !publish(store, content("refused at 61"), at: 61))
        #expect(notified.value == 2)
    }

    @Test("The first output, its end, and any other change are shown at once")
    func otherChanges() throws {
        let (store, notified) = try store()
        _ = try publish(store, content(nil), at: 0)
        #expect(try !publish(store, content("refused"), at: 1), "no event announces an output")
        #expect(output(store) == "refused")
        #expect(try publish(store, content("disk full", state: .exited), at: 2))
        #expect(output(store) == "disk full")
        #expect(try !publish(store, content(nil, state: .exited), at: 3))
        #expect(output(store) == nil)
        #expect(notified.value == 4)
    }

    @Test("A document of 256 instances with the longest details is small enough for the collector")
    func sizes() throws {
        var facts = try Samples.facts()
        let long = { (character: Character) in String(repeating: character, count: 4_000) }
        facts.origin = ContainerOrigin(
            labels: [
                "com.docker.compose.service": long("\""), "com.docker.compose.project": long("é"),
                "com.docker.compose.project.working_dir": "/" + String(repeating: "\"", count: 500),
                "com.docker.compose.project.config_files": (1...8).map {
                    "/\($0)" + String(repeating: "\"", count: 500)
                }.joined(separator: ","),
            ], name: "x")
        facts.state.health = "unhealthy"
        facts.state.healthLog = [
            .init(startedAt: EngineTime("2026-11-20T10:00:01Z"), exitCode: 1, output: long("\""))
        ]
        let containers = (0..<256).map { number in
            var container = facts
            container.id = String(number)
            return container
        }
        let content = DocumentBuilder(host: Samples.host).content(
            for: Samples.canvas, scans: [.success(Samples.snapshot(containers))])
        let bytes = try DocumentBody(content).bytes(observedAt: "", age: .zero, uptime: .zero, nonce: nil)
        #expect(bytes.count < 900_000)
        #expect(content.instances.first?.deployment?.files.count == 8)
        #expect(content.instances.last?.deployment == Instance.Deployment(tool: .compose))
        #expect(content.instances.last?.healthOutput == nil)
    }
}
