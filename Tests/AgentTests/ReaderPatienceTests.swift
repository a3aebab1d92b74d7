import NIOCore
import NIOEmbedded
import Testing

@testable import Agent
@testable import AgentCore

/// The time limits of a server for its reader, on a clock that the tests advance.
@Suite("Reader time limits") struct ReaderPatienceTests {
    private final class Reader {
        let channel = EmbeddedChannel()
        let end = FirstError<ReaderFailure>()
        private(set) var first: String?

        init() throws {
            let promise = channel.eventLoop.makePromise(of: [UInt8].self)
            promise.futureResult.assumeIsolated().whenSuccess { [self] in first = String(decoding: $0, as: UTF8.self) }
            let (_, lines) = AsyncStream.makeStream(of: [UInt8].self)
            try channel.pipeline.syncOperations.addHandler(
                ReaderHandler(path: "/r.sock", patience: .init(), first: promise, lines: lines, end: end))
            channel.pipeline.fireChannelActive()
        }

        func send(_ text: String) throws { try channel.writeInbound(ByteBuffer(string: text)) }

        func wait(_ time: TimeAmount) { channel.embeddedEventLoop.advanceTime(by: time) }
    }

    private static let patience = ReaderClient.Patience()
    private static let moment = TimeAmount.milliseconds(1)

    @Test("A hung reader is detected within 2 s, and a snapshot's limit is below a collector's 5 s")
    func limits() {
        #expect(Self.patience.sign <= .seconds(2))
        #expect(Self.patience.snapshot < .seconds(5))
        #expect(Self.patience.snapshot > .seconds(2), "enough for the reader to report a hung engine")
    }

    @Test("A silent reader fails at the limit for the sign of life")
    func silent() throws {
        let reader = try Reader()
        reader.wait(Self.patience.sign - Self.moment)
        #expect(reader.end.value == nil)
        reader.wait(Self.moment)
        #expect(reader.end.value == .late(path: "/r.sock"))
        #expect(!reader.channel.isActive)
    }

    @Test("A reader that sent a sign of life fails at the limit for the snapshot")
    func slowSnapshot() throws {
        let reader = try Reader()
        try reader.send(" ")
        reader.wait(Self.patience.snapshot - Self.moment)
        #expect(reader.end.value == nil && reader.first == nil)
        reader.wait(Self.moment)
        #expect(reader.end.value == .late(path: "/r.sock"))
    }

    @Test("No limit applies after the first line")
    func silenceAfterFirstLine() throws {
        let reader = try Reader()
        try reader.send(" ")
        try reader.send("{}\n")
        #expect(reader.first == " {}")
        reader.wait(.hours(1))
        #expect(reader.end.value == nil)
        _ = try reader.channel.finish()
    }

    @Test("A reader sends a sign of life before its observation ends, and the snapshot ignores it")
    func signOfLife() throws {
        let channel = EmbeddedChannel()
        let observation = channel.eventLoop.makePromise(of: Void.self)
        let documents = DocumentStore([
            try DocumentStore.Entry(unobserved: "canvas", host: Samples.host, reason: "not observed yet")
        ])
        let line = try Snapshot(documents, metrics: Metrics(), clock: .system).line()
        try channel.pipeline.syncOperations.addHandler(
            SnapshotWriter(snapshot: { line }, refresh: { _ in observation.futureResult }))
        channel.pipeline.fireChannelActive()
        let sign = try #require(try channel.readOutbound(as: ByteBuffer.self))
        #expect(sign == ByteBuffer(string: " "))
        #expect(try channel.readOutbound(as: ByteBuffer.self) == nil, "nothing else before the observation ends")
        observation.succeed()
        channel.embeddedEventLoop.run()
        let snapshot = try #require(try channel.readOutbound(as: ByteBuffer.self))
        let received = try Snapshot(line: Array(sign.readableBytesView) + Array(snapshot.readableBytesView))
        #expect(received.services.map(\.content.service) == ["canvas"])
        _ = try channel.finish()
    }
}
