import Shared
import Testing

@testable import Agent
@testable import AgentCore

@Suite("What the reader tells the front")
struct SnapshotTests {
    private static func board() throws -> DocumentStore {
        let scans: [Result<EngineSnapshot, EngineFailure>] = [.success(Samples.snapshot([try Samples.facts()]))]
        let content = DocumentBuilder(host: Samples.host).content(for: Samples.canvas, scans: scans)
        return DocumentStore([
            DocumentStore.Entry(
                body: try DocumentBody(content), startedAt: ContinuousClock.now, observedAt: "2026-11-20T10:00:00Z",
                isReadable: true),
            try DocumentStore.Entry(unobserved: "web", host: Samples.host, reason: "not looked at yet"),
        ])
    }

    private static func clock(_ now: ContinuousClock.Instant, boot: Int64) -> Clock {
        Clock(now: { now }, unixMilliseconds: { 0 }, bootNanoseconds: { boot })
    }

    @Test("A document comes through as it is, with its entity tag")
    func same() throws {
        let board = try Self.board()
        let line = try Snapshot(board, metrics: Metrics(), clock: .system).line()
        #expect(line.last == UInt8(ascii: "\n"))
        #expect(line.count { $0 == UInt8(ascii: "\n") } == 1)
        let back = try Snapshot(line: line.dropLast())
        #expect(back.services.map(\.content) == board.entries.map(\.body.content))
        #expect(
            try back.services.map { try DocumentBody($0.content).entityTag } == board.entries.map(\.body.entityTag))
        #expect(back.services.map { $0.lookedAt == nil } == [false, true])
    }

    @Test("What the reader counted comes along")
    func counts() throws {
        let metrics = Metrics()
        metrics.update { counts in
            counts.looks = 7
            counts.lookFailures = [.timeout: 2]
            counts.engineStreams = ["/run/docker.sock": .init(isUp: true, events: 3, openings: 1)]
        }
        let line = try Snapshot(try Self.board(), metrics: metrics, clock: .system).line()
        let counts = try Snapshot(line: line).counts
        #expect(counts.looks == 7)
        #expect(counts.lookFailures == ["timeout": 2])
        #expect(counts.engineStreams == ["/run/docker.sock": .init(isUp: true, events: 3, openings: 1)])
    }

    @Test("A look's moment is told by the machine's clock, and never later than it was")
    func moment() throws {
        let board = try Self.board()
        let startedAt = try #require(board.entry("canvas")?.startedAt)
        let later = startedAt + .nanoseconds(1_500)
        let snapshot = Snapshot(board, metrics: Metrics(), clock: Self.clock(later, boot: 10_000))
        #expect(snapshot.services.first?.lookedAt == 8_500)
    }

    @Test(
        "What is no snapshot is refused",
        arguments: [
            ("", ReaderFailure.garbage), ("{}", .garbage), ("null", .garbage), (#"{"schema":2}"#, .otherVersion),
            (#"{"schema":1}"#, .garbage), (#"{"schema":1,"services":[{}],"counts":{}}"#, .garbage),
        ])
    func refused(text: String, failure: ReaderFailure) {
        #expect(throws: failure) { try Snapshot(line: Array(text.utf8)) }
    }
}
