import Logging
import NIOCore
import NIOPosix
import Shared

@testable import Agent
@testable import AgentCore

/// A reader and a front in this process, with a unix socket between them.
final class SplitFixture {
    let folder: TemporaryFolder
    let clock: Clock
    let looks: LocalSourceFactory
    let readerSource: ReloadableSource
    let front: RemoteSource
    let frontBoard: DocumentStore
    let frontMetrics = Metrics()
    let readerMetrics = Metrics()
    var path: String { folder.file("r.sock") }
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    private var server: SnapshotServer?
    private var tasks: [Task<Void, Never>] = []

    /// - Parameter declared: what the front knows of before it has reached the reader.
    init(
        services: [String], engines: [String] = [], declared: [String] = [], folder: TemporaryFolder,
        clock: Clock = .system, frontClock: Clock? = nil, probes: [String] = []
    ) throws {
        self.folder = folder
        self.clock = clock
        looks = try LocalSourceFactory(
            configuration: try Self.configuration(services, engines, probes), group: group, metrics: readerMetrics,
            clock: clock, logger: logger)
        readerSource = ReloadableSource(looks.source())
        frontBoard = DocumentStore(
            try declared.map {
                try DocumentStore.Entry(unobserved: $0, host: Samples.host, reason: "the reader was not reached")
            })
        let parts = ReaderDependencies(
            path: folder.file("r.sock"), group: group, metrics: frontMetrics, clock: frontClock ?? clock,
            logger: logger)
        front = RemoteSource(parts, board: frontBoard)
    }

    static func configuration(
        _ services: [String], _ engines: [String], _ probes: [String] = []
    ) throws -> SourceConfiguration {
        SourceConfiguration(
            services: try ServiceDeclaration.all(parsing: services, probes: probes),
            engines: try EngineSockets(parsing: engines.map { "unix://\($0)" }, environment: [:]), host: Samples.host)
    }

    /// The reader looks, and listens.
    func startReader() async throws {
        let source = readerSource.current
        await source.refreshAll()
        tasks.append(Task { await source.run() })
        let server = SnapshotServer(
            board: looks.board, source: readerSource, metrics: readerMetrics, clock: clock, group: group,
            logger: logger)
        try await server.start([.address(.unix(path: path))])
        self.server = server
    }

    /// The reader is gone.
    func stopReader() async {
        await server?.stop()
        server = nil
    }

    /// The front follows the reader.
    func startFront() async {
        await front.refreshAll()
        tasks.append(Task { [front] in await front.run() })
    }

    func stop() async throws {
        for task in tasks { task.cancel() }
        await stopReader()
        for task in tasks { await task.value }
        try await group.shutdownGracefully()
    }

    /// What the front says of `canvas`.
    var content: DocumentContent? { frontBoard.entry("canvas")?.body.content }
}

/// Runs a test's body with a reader and a front that are stopped in any case.
func withSplit(_ fixture: SplitFixture, _ body: (SplitFixture) async throws -> Void) async throws {
    do {
        try await body(fixture)
    } catch {
        try await fixture.stop()
        throw error
    }
    try await fixture.stop()
}
