import Glibc
import Logging
import NIOCore
import NIOPosix
import Shared
import Support
import Testing

@testable import Agent
@testable import AgentCore

@Suite("Reader and server", .timeLimit(.minutes(5)))
struct SplitTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func fileSplit(_ text: String = Samples.sha) throws -> SplitFixture {
        try SplitFixture(services: ["canvas=file:\(try folder.write(text, to: "canvas"))"], folder: folder)
    }

    @Test("The server has the reader's documents byte for byte, and their changes")
    func followsReader() async throws {
        try await withSplit(try fileSplit()) { split in
            try await split.startReader()
            await split.startServer()
            #expect(split.serverDocuments.services == ["canvas"])
            #expect(split.content?.gitSHA?.hex == Samples.sha)
            #expect(split.content?.host == Samples.host)
            let tag = split.readerSources.documents.entry("canvas")?.body.entityTag
            #expect(split.serverDocuments.entry("canvas")?.body.entityTag == tag)
            try folder.write(Samples.otherSHA, to: "canvas")
            try await eventually("the change arrives") { split.content?.gitSHA?.hex == Samples.otherSHA }
        }
    }

    @Test("A probe's result reaches the server, with its latency")
    func probed() async throws {
        let host = try await ScriptedHost.start { _ in .json("{\"git_sha\":\"dev\"}") }
        let path = try folder.write(Samples.sha, to: "canvas")
        let split = try SplitFixture(
            services: ["canvas=file:\(path)"], folder: folder, probes: ["canvas=http://127.0.0.1:\(host.port)/"])
        try await withSplit(split) { split in
            try await split.startReader()
            await split.startServer()
            try await eventually("the probe's result arrives") { split.content?.served?.outcome == .ok }
            #expect(split.content?.served?.gitSHA == .unusable("dev"))
            #expect(split.content == split.readerSources.documents.entry("canvas")?.body.content)
            #expect(split.serverDocuments.entry("canvas")?.probeLatency != nil)
        }
        await host.stop()
    }

    @Test("A request for fresh evidence causes an observation by the reader")
    func freshEvidence() async throws {
        try await withSplit(try fileSplit()) { split in
            try await split.startReader()
            await split.startServer()
            let before = try #require(split.serverDocuments.entry("canvas")?.startedAt)
            try await eventually("it is old") { split.clock.now() - before > ObservationAge.freshness }
            let asked = split.clock.now()
            await split.serverSource.refresh("canvas")
            let after = try #require(split.serverDocuments.entry("canvas")?.startedAt)
            #expect(after >= asked, "the observation began after the request")
        }
    }

    @Test("Fifty simultaneous requests cause one observation")
    func simultaneousRequests() async throws {
        let engine = FakeEngine(socketPath: folder.file("e.sock"), script: EngineScripts.classic)
        try await engine.start()
        let split = try SplitFixture(
            services: ["canvas=compose:canvas"], engines: [engine.socketPath], folder: folder)
        try await withSplit(split) { split in
            try await split.startReader()
            await split.startServer()
            let before = try #require(split.serverDocuments.entry("canvas")?.startedAt)
            try await eventually("it is old") { split.clock.now() - before > ObservationAge.freshness }
            let looks = split.readerMetrics.current.scans
            await withDiscardingTaskGroup { group in
                for _ in 0..<50 { group.addTask { [source = split.serverSource] in await source.refresh("canvas") } }
            }
            #expect(split.readerMetrics.current.scans - looks <= 2)
            let seen = try #require(split.serverDocuments.entry("canvas")?.startedAt)
            #expect(seen > before, "and the old evidence is replaced")
        }
        try await engine.stop()
    }

    @Test("Losing the reader makes every service unknown at once, until it is back")
    func lostReader() async throws {
        try await withSplit(try fileSplit()) { split in
            try await split.startReader()
            await split.startServer()
            #expect(split.content?.state == .serving)
            await split.stopReader()
            try await eventually("it is unknown") { split.content?.state == .unknown }
            #expect(split.content?.gitSHA == nil)
            #expect(split.content?.reason?.contains("buildinfo-reader.service") == true)
            try await split.startReader()
            try await eventually("it is known again") { split.content?.state == .serving }
        }
    }

    @Test("Before the first connection, the declared services are unknown with the reason")
    func neverReached() async throws {
        let split = try SplitFixture(
            services: ["canvas=file:/nowhere"], declared: ["canvas"], folder: folder)
        try await withSplit(split) { split in
            await split.startServer()
            #expect(split.content?.state == .unknown)
            #expect(split.content?.reason?.contains("\(split.path) does not exist") == true)
        }
    }

    @Test("A reader that accepts a connection and stays silent is a failure")
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

    @Test("A peer that sends anything to the reader is disconnected, and no other one")
    func talkativePeer() async throws {
        try await withSplit(try fileSplit()) { split in
            try await split.startReader()
            await split.startServer()
            let rude = try await RawConnection.open(SocketAddress(unixDomainSocketPath: split.path))
            rude.send("GET / HTTP/1.1\r\n\r\n")
            #expect(try await rude.closes())
            try folder.write(Samples.otherSHA, to: "canvas")
            try await eventually("the server still receives the change") {
                split.content?.gitSHA?.hex == Samples.otherSHA
            }
        }
    }

    @Test("A peer that does not read delays no other one")
    func peerWithoutReading() async throws {
        try await withSplit(try fileSplit()) { split in
            try await split.startReader()
            await split.startServer()
            let deaf = try await RawConnection.open(SocketAddress(unixDomainSocketPath: split.path), reads: false)
            for round in 0..<20 {
                let sha = round.isMultiple(of: 2) ? Samples.otherSHA : Samples.sha
                try folder.write(sha, to: "canvas")
                try await eventually("the server receives the change") { split.content?.gitSHA?.hex == sha }
            }
            deaf.close()
        }
    }

    @Test("The reader limits the number of its connections")
    func connectionLimit() async throws {
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

    @Test("An observation in the future is refused, since it would stay fresh until then")
    func futureObservation() async throws {
        var ahead = Clock.system
        ahead.bootNanoseconds = { Clock.system.bootNanoseconds() + 60_000_000_000 }
        let split = try SplitFixture(
            services: ["canvas=file:\(try folder.write(Samples.sha, to: "canvas"))"], declared: ["canvas"],
            folder: folder, clock: ahead, serverClock: .system)
        try await withSplit(split) { split in
            try await split.startReader()
            await split.startServer()
            #expect(split.content?.state == .unknown)
            #expect(split.content?.gitSHA == nil)
        }
    }

    @Test("Only user and group can open the reader's socket")
    func mode() async throws {
        try await withSplit(try fileSplit()) { split in
            try await split.startReader()
            var status = stat()
            #expect(lstat(split.path, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o660)
        }
    }

    @Test("A reader listens on unix sockets only")
    func tcpIsRefused() async throws {
        try await withSplit(try fileSplit()) { split in
            let server = SnapshotServer(
                documents: split.readerSources.documents, source: split.readerSource, metrics: split.readerMetrics,
                clock: split.clock, group: MultiThreadedEventLoopGroup.singleton,
                logger: .init(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
            await #expect(throws: AgentError.readerOnNetwork("127.0.0.1:0")) {
                try await server.start([.address(.tcp(host: "127.0.0.1", port: 0))])
            }
        }
    }

    @Test("Services that a reload leaves unchanged keep their evidence")
    func reload() async throws {
        let split = try fileSplit()
        try await withSplit(split) { split in
            try await split.startReader()
            await split.startServer()
            let canvas = "canvas=file:\(folder.file("canvas"))"
            let web = "web=file:\(try folder.write(Samples.otherSHA, to: "web"))"
            let next = try split.readerSources.source(after: try SplitFixture.configuration([web, canvas], []))
            #expect(split.readerSources.documents.services == ["web", "canvas"])
            #expect(split.readerSources.documents.entry("canvas")?.body.content.gitSHA?.hex == Samples.sha)
            #expect(split.readerSources.documents.entry("web")?.startedAt == nil)
            split.readerSource.current = next
            await next.refreshAll()
            try await eventually("the server has both") { split.serverDocuments.services == ["web", "canvas"] }
            try await eventually("and their commits") {
                split.serverDocuments.entry("web")?.body.content.gitSHA?.hex == Samples.otherSHA
            }
            // The same name with another selector loses its evidence.
            _ = try split.readerSources.source(after: try SplitFixture.configuration(["canvas=file:/nowhere"], []))
            #expect(split.readerSources.documents.services == ["canvas"])
            #expect(split.readerSources.documents.entry("canvas")?.startedAt == nil)
            #expect(split.readerSources.documents.entry("canvas")?.body.content.state == .unknown)
        }
    }
}
