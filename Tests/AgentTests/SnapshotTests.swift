import Shared
import Testing

@testable import Agent
@testable import AgentCore

@Suite("Snapshots")
struct SnapshotTests {
    private static func documents() throws -> DocumentStore {
        let scans: [Result<EngineSnapshot, EngineFailure>] = [.success(Samples.snapshot([try Samples.facts()]))]
        let content = DocumentBuilder(host: Samples.host).content(for: Samples.canvas, scans: scans)
        return DocumentStore([
            DocumentStore.Entry(
                body: try DocumentBody(content), startedAt: ContinuousClock.now, observedAt: "2026-11-20T10:00:00Z",
                isReadable: true),
            try DocumentStore.Entry(unobserved: "web", host: Samples.host, reason: "not observed yet"),
        ])
    }

    private static func clock(_ now: ContinuousClock.Instant, boot: Int64) -> Clock {
        Clock(now: { now }, unixMilliseconds: { 0 }, bootNanoseconds: { boot })
    }

    @Test("Documents survive the transfer with their entity tags")
    func roundTrip() throws {
        let documents = try Self.documents()
        let line = try Snapshot(documents, metrics: Metrics(), clock: .system).line()
        #expect(line.last == UInt8(ascii: "\n"))
        #expect(line.count { $0 == UInt8(ascii: "\n") } == 1)
        let back = try Snapshot(line: line.dropLast())
        #expect(back.services.map(\.content) == documents.entries.map(\.body.content))
        #expect(
            try back.services.map { try DocumentBody($0.content).entityTag } == documents.entries.map(\.body.entityTag))
        #expect(back.services.map { $0.startedAt == nil } == [false, true])
    }

    @Test("A snapshot carries the reader's counters")
    func counts() throws {
        let metrics = Metrics()
        metrics.update { counts in
            counts.scans = 7
            counts.scanFailures = [.timeout: 2]
            counts.engineStreams = ["/run/docker.sock": .init(isUp: true, events: 3, openings: 1)]
        }
        let line = try Snapshot(try Self.documents(), metrics: metrics, clock: .system).line()
        let counts = try Snapshot(line: line).counts
        #expect(counts.scans == 7)
        #expect(counts.scanFailures == ["timeout": 2])
        #expect(counts.engineStreams == ["/run/docker.sock": .init(isUp: true, events: 3, openings: 1)])
    }

    @Test("An observation's start is encoded by the machine's clock, rounded down")
    func observationStart() throws {
        let documents = try Self.documents()
        let startedAt = try #require(documents.entry("canvas")?.startedAt)
        let later = startedAt + .nanoseconds(1_500)
        let snapshot = Snapshot(documents, metrics: Metrics(), clock: Self.clock(later, boot: 10_000))
        #expect(snapshot.services.first?.startedAt == 8_500)
    }

    @Test(
        "Invalid snapshots are refused",
        arguments: [
            ("", ReaderFailure.garbage), ("{}", .garbage), ("null", .garbage), (#"{"schema":1}"#, .otherVersion),
            (#"{"schema":2}"#, .garbage), (#"{"schema":2,"services":[{}],"counts":{}}"#, .garbage),
        ])
    func refused(text: String, failure: ReaderFailure) {
        #expect(throws: failure) { try Snapshot(line: Array(text.utf8)) }
    }
}
