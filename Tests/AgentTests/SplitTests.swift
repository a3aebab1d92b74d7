import Glibc
import Logging
import NIOCore
import NIOPosix
import Shared
import Support
import Testing

@testable import Agent
@testable import AgentCore

@Suite("Reader and front", .timeLimit(.minutes(5)))
struct SplitTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func fileSplit(_ text: String = Samples.sha) throws -> SplitFixture {
        try SplitFixture(services: ["canvas=file:\(try folder.write(text, to: "canvas"))"], folder: folder)
    }

    @Test("The front says what the reader sees, byte for byte, and follows it")
    func follows() async throws {
        try await withSplit(try fileSplit()) { split in
            try await split.startReader()
            await split.startFront()
            #expect(split.frontBoard.services == ["canvas"])
            #expect(split.content?.gitSHA?.hex == Samples.sha)
            #expect(split.content?.host == Samples.host)
            let tag = split.looks.board.entry("canvas")?.body.entityTag
            #expect(split.frontBoard.entry("canvas")?.body.entityTag == tag)
            try folder.write(Samples.otherSHA, to: "canvas")
            try await eventually("the change is told") { split.content?.gitSHA?.hex == Samples.otherSHA }
        }
    }

    @Test("What the service itself serves comes through to the front, with its latency")
    func probed() async throws {
        let host = try await ScriptedHost.start { _ in .json("{\"git_sha\":\"dev\"}") }
        let path = try folder.write(Samples.sha, to: "canvas")
        let split = try SplitFixture(
            services: ["canvas=file:\(path)"], folder: folder, probes: ["canvas=http://127.0.0.1:\(host.port)/"])
        try await withSplit(split) { split in
            try await split.startReader()
            await split.startFront()
            try await eventually("the probe's answer is told") { split.content?.served?.outcome == .ok }
            #expect(split.content?.served?.gitSHA == .unusable("dev"))
            #expect(split.content == split.looks.board.entry("canvas")?.body.content)
            #expect(split.frontBoard.entry("canvas")?.probeLatency != nil)
        }
        await host.stop()
    }

    @Test("Evidence that must not be old is looked at by the reader")
    func fresh() async throws {
        try await withSplit(try fileSplit()) { split in
            try await split.startReader()
            await split.startFront()
            let before = try #require(split.frontBoard.entry("canvas")?.startedAt)
            try await eventually("it is old") { split.clock.now() - before > ObservationAge.freshness }
            let asked = split.clock.now()
            await split.front.refresh("canvas")
            let after = try #require(split.frontBoard.entry("canvas")?.startedAt)
            #expect(after >= asked, "the look began behind the question")
        }
    }

    @Test("Fifty who ask at once cause one look")
    func together() async throws {
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: EngineScripts.classic)
        try await engine.start()
        let split = try SplitFixture(
            services: ["canvas=compose:canvas"], engines: [engine.socketPath], folder: folder)
        try await withSplit(split) { split in
            try await split.startReader()
            await split.startFront()
            let before = try #require(split.frontBoard.entry("canvas")?.startedAt)
            try await eventually("it is old") { split.clock.now() - before > ObservationAge.freshness }
            let looks = split.readerMetrics.current.looks
            await withDiscardingTaskGroup { group in
                for _ in 0..<50 { group.addTask { [front = split.front] in await front.refresh("canvas") } }
            }
            #expect(split.readerMetrics.current.looks - looks <= 2)
            let seen = try #require(split.frontBoard.entry("canvas")?.startedAt)
            #expect(seen > before, "and what was old is served no more")
        }
        try await engine.stop()
    }

    @Test("A reader that goes away makes every service unknown at once, and is found again")
    func lost() async throws {
        try await withSplit(try fileSplit()) { split in
            try await split.startReader()
            await split.startFront()
            #expect(split.content?.state == .serving)
            await split.stopReader()
            try await eventually("it is unknown") { split.content?.state == .unknown }
            #expect(split.content?.gitSHA == nil)
            #expect(split.content?.reason?.contains("buildinfo-reader.service") == true)
            try await split.startReader()
            try await eventually("it is known again") { split.content?.state == .serving }
        }
    }

    @Test("Before the reader was ever reached, the declared services are unknown, and say why")
    func neverReached() async throws {
        let split = try SplitFixture(
            services: ["canvas=file:/nowhere"], declared: ["canvas"], folder: folder)
        try await withSplit(split) { split in
            await split.startFront()
            #expect(split.content?.state == .unknown)
            #expect(split.content?.reason?.contains("\(split.path) does not exist") == true)
        }
    }

    @Test("A reader that accepts and is silent is unknown, too")
    func silent() async throws {
        let silent = try #require(UnixAddress(path: folder.file("r.sock")))
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        #expect(silent.withSocketAddress { bind(descriptor, $0, $1) } == 0)
        #expect(listen(descriptor, 8) == 0)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let client = ReaderClient(
            path: folder.file("r.sock"), group: group, patience: .init(sign: .milliseconds(50), snapshot: .hours(1)))
        await #expect(throws: ReaderFailure.late(path: folder.file("r.sock"))) { try await client.connect() }
        try await group.shutdownGracefully()
    }

    @Test("Who says a word to the reader is cut off, and nobody else")
    func spokenTo() async throws {
        try await withSplit(try fileSplit()) { split in
            try await split.startReader()
            await split.startFront()
            let rude = try await RawConnection.open(SocketAddress(unixDomainSocketPath: split.path))
            rude.send("GET / HTTP/1.1\r\n\r\n")
            #expect(try await rude.closes())
            try folder.write(Samples.otherSHA, to: "canvas")
            try await eventually("the front is told all the same") { split.content?.gitSHA?.hex == Samples.otherSHA }
        }
    }

    @Test("Who does not read is given one snapshot at a time, and holds up nobody")
    func unread() async throws {
        try await withSplit(try fileSplit()) { split in
            try await split.startReader()
            await split.startFront()
            let deaf = try await RawConnection.open(SocketAddress(unixDomainSocketPath: split.path), reads: false)
            for round in 0..<20 {
                let sha = round.isMultiple(of: 2) ? Samples.otherSHA : Samples.sha
                try folder.write(sha, to: "canvas")
                try await eventually("the front is told") { split.content?.gitSHA?.hex == sha }
            }
            deaf.close()
        }
    }

    @Test("The reader connects no more than it can serve")
    func crowd() async throws {
        try await withSplit(try fileSplit()) { split in
            try await split.startReader()
            var crowd: [RawConnection] = []
            for _ in 0..<SnapshotServer.connectionLimit {
                let one = try await RawConnection.open(SocketAddress(unixDomainSocketPath: split.path))
                #expect(try await one.text { $0.hasSuffix("\n") }.contains(Samples.sha))
                crowd.append(one)
            }
            let late = try await RawConnection.open(SocketAddress(unixDomainSocketPath: split.path))
            #expect(try await late.closes())
            #expect(late.text.isEmpty)
            #expect(crowd.allSatisfy { !$0.isClosed })
        }
    }

    @Test("A look of the future is refused: it would stay fresh for as long as it is ahead")
    func future() async throws {
        var ahead = Clock.system
        ahead.bootNanoseconds = { Clock.system.bootNanoseconds() + 60_000_000_000 }
        let split = try SplitFixture(
            services: ["canvas=file:\(try folder.write(Samples.sha, to: "canvas"))"], declared: ["canvas"],
            folder: folder, clock: ahead, frontClock: .system)
        try await withSplit(split) { split in
            try await split.startReader()
            await split.startFront()
            #expect(split.content?.state == .unknown)
            #expect(split.content?.gitSHA == nil)
        }
    }

    @Test("The reader's socket is its user's and its group's")
    func mode() async throws {
        try await withSplit(try fileSplit()) { split in
            try await split.startReader()
            var status = stat()
            #expect(lstat(split.path, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o660)
        }
    }

    @Test("A reader listens on unix sockets alone")
    func network() async throws {
        try await withSplit(try fileSplit()) { split in
            let server = SnapshotServer(
                board: split.looks.board, source: split.readerSource, metrics: split.readerMetrics,
                clock: split.clock, group: MultiThreadedEventLoopGroup.singleton,
                logger: .init(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
            await #expect(throws: AgentError.readerOnNetwork("127.0.0.1:0")) {
                try await server.start([.address(.tcp(host: "127.0.0.1", port: 0))])
            }
        }
    }

    @Test("After another configuration, services that are declared as before keep what was seen of them")
    func reload() async throws {
        let split = try fileSplit()
        try await withSplit(split) { split in
            try await split.startReader()
            await split.startFront()
            let canvas = "canvas=file:\(folder.file("canvas"))"
            let web = "web=file:\(try folder.write(Samples.otherSHA, to: "web"))"
            let next = try split.looks.source(after: try SplitFixture.configuration([web, canvas], []))
            #expect(split.looks.board.services == ["web", "canvas"])
            #expect(split.looks.board.entry("canvas")?.body.content.gitSHA?.hex == Samples.sha)
            #expect(split.looks.board.entry("web")?.startedAt == nil)
            split.readerSource.current = next
            await next.refreshAll()
            try await eventually("the front has both") { split.frontBoard.services == ["web", "canvas"] }
            try await eventually("and what they serve") {
                split.frontBoard.entry("web")?.body.content.gitSHA?.hex == Samples.otherSHA
            }
            // The same name for something else: what was seen of it counts no more.
            _ = try split.looks.source(after: try SplitFixture.configuration(["canvas=file:/nowhere"], []))
            #expect(split.looks.board.services == ["canvas"])
            #expect(split.looks.board.entry("canvas")?.startedAt == nil)
            #expect(split.looks.board.entry("canvas")?.body.content.state == .unknown)
        }
    }
}
