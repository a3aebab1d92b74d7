import Logging
import NIOCore
import NIOPosix
import Shared

@testable import Agent
@testable import AgentCore

/// A reader and a server's source in this process, with a unix socket between them.
final class SplitFixture {
    let folder: TemporaryFolder
    let clock: Clock
    let readerSources: LocalSourceFactory
    let readerSource: ReloadableSource
    let serverSource: RemoteSource
    let serverDocuments: DocumentStore
    let serverMetrics = Metrics()
    let readerMetrics = Metrics()
    var path: String { folder.file("r.sock") }
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    private var server: SnapshotServer?
    private var tasks: [Task<Void, Never>] = []

    /// - Parameter declared: the server's services before it has reached the reader.
    init(
        services: [String], engines: [String] = [], declared: [String] = [], folder: TemporaryFolder,
        clock: Clock = .system, serverClock: Clock? = nil, probes: [String] = []
    ) throws {
        self.folder = folder
        self.clock = clock
        readerSources = try LocalSourceFactory(
            configuration: try Self.configuration(services, engines, probes), group: group, metrics: readerMetrics,
            clock: clock, logger: logger)
        readerSource = ReloadableSource(readerSources.source())
        serverDocuments = DocumentStore(
            try declared.map {
                try DocumentStore.Entry(unobserved: $0, host: Samples.host, reason: "the reader was not reached")
            })
        let dependencies = ReaderDependencies(
            path: folder.file("r.sock"), group: group, metrics: serverMetrics, clock: serverClock ?? clock,
            logger: logger)
        serverSource = RemoteSource(dependencies, documents: serverDocuments)
    }

    static func configuration(
        _ services: [String], _ engines: [String], _ probes: [String] = []
    ) throws -> SourceConfiguration {
        SourceConfiguration(
            services: try ServiceDeclaration.all(parsing: services, probes: probes),
            engines: try EngineSockets(parsing: engines.map { "unix://\($0)" }, environment: [:]), host: Samples.host)
    }

    /// Starts the reader's observations and its socket.
    func startReader() async throws {
        let source = readerSource.current
        await source.refreshAll()
        tasks.append(Task { await source.run() })
        let server = SnapshotServer(
            documents: readerSources.documents, source: readerSource, metrics: readerMetrics, clock: clock,
            group: group,
            logger: logger)
        try await server.start([.address(.unix(path: path))])
        self.server = server
    }

    /// Stops the reader.
    func stopReader() async {
        await server?.stop()
        server = nil
    }

    /// Connects the server's source to the reader.
    func startServer() async {
        await serverSource.refreshAll()
        tasks.append(Task { [serverSource] in await serverSource.run() })
    }

    func stop() async throws {
        for task in tasks { task.cancel() }
        await stopReader()
        for task in tasks { await task.value }
        try await group.shutdownGracefully()
    }

    /// The server's content for `canvas`.
    var content: DocumentContent? { serverDocuments.entry("canvas")?.body.content }
}

/// Runs a test's body, and stops the reader and the source in any case.
func withSplit(_ fixture: SplitFixture, _ body: (SplitFixture) async throws -> Void) async throws {
    do {
        try await body(fixture)
    } catch {
        try await fixture.stop()
        throw error
    }
    try await fixture.stop()
}
