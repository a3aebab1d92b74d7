import AgentCore
import Logging
import NIOCore
import Shared
import Synchronization

/// The services to observe, and the host to report.
struct SourceConfiguration: Sendable {
    /// At least one, with unique names; the first answers `/buildinfo`.
    var services: [ServiceDeclaration]
    var engines: EngineSockets
    var host: HostIdentity
}

/// Keeps the documents up to date with observations of this process: on events, periodically, and on request. A part that
/// hangs delays no other.
struct LocalSource: StatusSource {
    private let publisher: Publisher
    private let files: [String: FileSource]
    private let engines: EngineSource?
    private let probes: [ServiceProbes]
    let documents: DocumentStore
    let clock: Clock

    init(
        configuration: SourceConfiguration, documents: DocumentStore, group: any EventLoopGroup, metrics: Metrics,
        clock: Clock, logger: Logger
    ) {
        let publisher = Publisher(documents: documents, clock: clock, logger: logger)
        let client = ProbeClient(group: group, clock: clock)
        var allProbes: [ServiceProbes] = []
        func probes(_ services: [ServiceDeclaration]) -> ServiceProbes {
            let probes = ServiceProbes(services, client: client, clock: clock, publisher: publisher)
            allProbes.append(probes)
            return probes
        }
        var files: [String: FileSource] = [:]
        for service in configuration.services {
            guard let path = service.selector.filePath else { continue }
            files[service.name] = FileSource(
                service: service.name, path: path, host: configuration.host, publisher: publisher,
                probes: probes([service]), group: group, clock: clock, logger: logger)
        }
        let onEngines = configuration.services.filter { $0.selector.filePath == nil }
        let dependencies = EngineDependencies(
            services: onEngines, sockets: configuration.engines, group: group, metrics: metrics, clock: clock,
            logger: logger)
        engines =
            onEngines.isEmpty
            ? nil
            : EngineSource(
                dependencies, builder: DocumentBuilder(host: configuration.host), publisher: publisher,
                probes: probes(onEngines))
        self.publisher = publisher
        self.probes = allProbes
        self.files = files
        self.documents = documents
        self.clock = clock
    }

    /// Returns when every observation's probes have ended, too.
    func settle() async {
        for probes in probes { await probes.settle() }
    }

    /// Refreshes until the task is cancelled; observations in flight are not published any more then.
    func run() async {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                for file in files.values { group.addTask { await file.run() } }
                if let engines { group.addTask { await engines.run() } }
            }
        } onCancel: {
            publisher.retire()
            for probes in probes { probes.stop() }
        }
    }

    func part(for service: String) -> (any Refreshable)? { files[service] ?? engines }

    var parts: [any Refreshable] { Array(files.values) + (engines.map { [$0] } ?? []) }
}

/// Makes the local sources: one for each configuration, all with the same document store.
final class LocalSourceFactory: Sendable {
    let documents: DocumentStore
    private let group: any EventLoopGroup
    private let metrics: Metrics
    private let clock: Clock
    private let logger: Logger
    private let configuration: Mutex<SourceConfiguration>

    init(
        configuration: SourceConfiguration, group: any EventLoopGroup, metrics: Metrics, clock: Clock, logger: Logger
    ) throws {
        documents = try DocumentStore(configuration: configuration)
        self.configuration = Mutex(configuration)
        self.group = group
        self.metrics = metrics
        self.clock = clock
        self.logger = logger
    }

    /// The source for the present configuration.
    func source() -> LocalSource {
        LocalSource(
            configuration: configuration.withLock { $0 }, documents: documents, group: group, metrics: metrics,
            clock: clock,
            logger: logger)
    }

    /// The source for another configuration. Documents of services with an unchanged declaration are kept.
    func source(after next: SourceConfiguration) throws -> LocalSource {
        let former = configuration.withLock { configuration in
            defer { configuration = next }
            return configuration
        }
        try documents.reconfigure(for: next, after: former)
        return source()
    }
}
