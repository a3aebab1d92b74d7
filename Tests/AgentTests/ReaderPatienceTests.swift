import NIOCore
import NIOEmbedded
import Testing

@testable import Agent
@testable import AgentCore

/// How long a front waits for a reader that hangs, on a clock that the tests move.
@Suite struct ReaderPatienceTests {
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

        func says(_ text: String) throws { try channel.writeInbound(ByteBuffer(string: text)) }

        func wait(_ time: TimeAmount) { channel.embeddedEventLoop.advanceTime(by: time) }
    }

    private static let patience = ReaderClient.Patience()
    private static let moment = TimeAmount.milliseconds(1)

    @Test("A hung reader is found out within 2 s, and who asks is told before a collector gives up, after 5 s")
    func limits() {
        #expect(Self.patience.sign <= .seconds(2))
        #expect(Self.patience.snapshot < .seconds(5))
        #expect(Self.patience.snapshot > .seconds(2), "an engine that hangs is the reader's to tell")
    }

    @Test("A reader that says nothing is waited for as long as a sign of life may take, and no longer")
    func silent() throws {
        let reader = try Reader()
        reader.wait(Self.patience.sign - Self.moment)
        #expect(reader.end.value == nil)
        reader.wait(Self.moment)
        #expect(reader.end.value == .late(path: "/r.sock"))
        #expect(!reader.channel.isActive)
    }

    @Test("A reader that lives is given time for its look, and found out where it hangs in the middle of it")
    func looking() throws {
        let reader = try Reader()
        try reader.says(" ")
        reader.wait(Self.patience.snapshot - Self.moment)
        #expect(reader.end.value == nil && reader.first == nil)
        reader.wait(Self.moment)
        #expect(reader.end.value == .late(path: "/r.sock"))
    }

    @Test("Behind the first line a reader may be silent for good")
    func followed() throws {
        let reader = try Reader()
        try reader.says(" ")
        try reader.says("{}\n")
        #expect(reader.first == " {}")
        reader.wait(.hours(1))
        #expect(reader.end.value == nil)
        _ = try reader.channel.finish()
    }

    @Test("A reader gives a sign of life before its look is over, and it is no part of the snapshot")
    func sign() throws {
        let channel = EmbeddedChannel()
        let look = channel.eventLoop.makePromise(of: Void.self)
        let board = DocumentStore([
            try DocumentStore.Entry(unobserved: "canvas", host: Samples.host, reason: "not looked at yet")
        ])
        let line = try Snapshot(board, metrics: Metrics(), clock: .system).line()
        try channel.pipeline.syncOperations.addHandler(
            SnapshotWriter(snapshot: { line }, refresh: { _ in look.futureResult }))
        channel.pipeline.fireChannelActive()
        let sign = try #require(try channel.readOutbound(as: ByteBuffer.self))
        #expect(sign == ByteBuffer(string: " "))
        #expect(try channel.readOutbound(as: ByteBuffer.self) == nil, "nothing else before the look is over")
        look.succeed()
        channel.embeddedEventLoop.run()
        let snapshot = try #require(try channel.readOutbound(as: ByteBuffer.self))
        let told = try Snapshot(line: Array(sign.readableBytesView) + Array(snapshot.readableBytesView))
        #expect(told.services.map(\.content.service) == ["canvas"])
        _ = try channel.finish()
    }
}
