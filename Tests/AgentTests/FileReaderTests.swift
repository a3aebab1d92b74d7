import Glibc
import Logging
import NIOCore
import NIOPosix
import Shared
import Support
import Synchronization
import Testing

@testable import Agent
@testable import AgentCore

/// A read that hangs simulates a hung file system; `AgentHangTests` has a real one.
@Suite struct FileReaderTests {
    /// A file whose reads return when the test lets them.
    private final class Gate: Sendable {
        private let state = Mutex((isOpen: true, reads: 0))

        var reads: Int { state.withLock { $0.reads } }
        func open() { state.withLock { $0.isOpen = true } }
        func close() { state.withLock { $0.isOpen = false } }

        func read() -> Result<[UInt8], FileReadFailure> {
            state.withLock { $0.reads += 1 }
            while !state.withLock({ $0.isOpen }) { usleep(1_000) }
            return .success(Array(Samples.sha.utf8))
        }
    }

    private struct Parts {
        var documents: DocumentStore
        var gate = Gate()
        var file: FileSource
        var group: MultiThreadedEventLoopGroup
    }

    private func parts() throws -> Parts {
        let configuration = SourceConfiguration(
            services: [try Samples.service("canvas=file:/nowhere/canvas")],
            engines: try EngineSockets(parsing: [], environment: [:]), host: Samples.host)
        let (documents, gate) = (try DocumentStore(configuration: configuration), Gate())
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let file = FileSource(
            service: "canvas", path: "/nowhere/canvas", host: Samples.host,
            publisher: Publisher(documents: documents, clock: .system, logger: logger), group: group, clock: .system,
            logger: logger, timeLimit: .milliseconds(200), read: { gate.read() })
        return Parts(documents: documents, gate: gate, file: file, group: group)
    }

    @Test(
        "A read that hangs makes the file unknown within its limit, and takes one thread for all requests")
    func hanging() async throws {
        let parts = try parts()
        await parts.file.refresh()
        #expect(parts.documents.entry("canvas")?.body.content.state == .serving)
        parts.gate.close()
        for _ in 0..<5 {
            let before = ContinuousClock.now
            await parts.file.refresh()
            let entry = try #require(parts.documents.entry("canvas"))
            #expect(entry.body.content.state == .unknown)
            #expect(entry.body.content.reason?.contains("does not answer") == true)
            #expect(entry.startedAt.map { $0 >= before } == true, "the observation failed, and is a new one")
        }
        #expect(parts.gate.reads == 2)
        parts.gate.open()
        try await eventually("the thread returns") {
            await parts.file.refresh()
            return parts.documents.entry("canvas")?.body.content.state == .serving
        }
        try await parts.group.shutdownGracefully()
    }

    @Test("When a hung read returns, the file is read again at once")
    func unstuck() async throws {
        let parts = try parts()
        let running = Task { await parts.file.run() }
        try await eventually("it was read") { parts.documents.entry("canvas")?.body.content.state == .serving }
        parts.gate.close()
        await parts.file.refresh()
        try await eventually("it is unknown") { parts.documents.entry("canvas")?.body.content.state == .unknown }
        parts.gate.open()
        try await eventually("it is known again") { parts.documents.entry("canvas")?.body.content.state == .serving }
        running.cancel()
        await running.value
        try await parts.group.shutdownGracefully()
    }

    @Test("A changed file is read at once, and not only every ten seconds")
    func announced() async throws {
        let folder = try TemporaryFolder()
        try folder.write(Samples.sha, to: "canvas")
        try await withServer(services: ["canvas=file:\(folder.file("canvas"))"], folder: folder) { server in
            func becomes(_ sha: String?) async throws {
                let start = ContinuousClock.now
                try await eventually("the commit is \(sha ?? "unknown")") {
                    server.documents.entry("canvas")?.body.content.gitSHA?.hex == sha
                }
                #expect(ContinuousClock.now - start < .seconds(9), "before the regular read")
            }
            // Arming the watch causes one more read.
            let first = try #require(server.documents.entry("canvas")?.startedAt)
            try await eventually("the watch is armed") {
                server.documents.entry("canvas")?.startedAt.map { $0 > first } == true
            }
            try folder.write(Samples.otherSHA, to: "canvas")
            try await becomes(Samples.otherSHA)
            try folder.write(Samples.sha, to: "next")
            #expect(rename(folder.file("next"), folder.file("canvas")) == 0)
            try await becomes(Samples.sha)
            #expect(unlink(folder.file("canvas")) == 0)
            try await becomes(nil)
            try folder.write(Samples.otherSHA, to: "canvas")
            try await becomes(Samples.otherSHA)
        }
    }
}
