import Logging
import NIOCore
import Shared

/// Keeps the board true: looks when something happened, now and then, and at once when somebody must not be given old
/// evidence. What hangs holds up nothing but itself.
struct LocalSource: StatusSource {
    private let publisher: Publisher
    private let files: [String: WatchedFileSource]
    private let engines: EngineSource?
    private let probes: [Probes]
    let board: DocumentStore
    let clock: Clock

    init(
        configuration: SourceConfiguration, board: DocumentStore, group: any EventLoopGroup, metrics: Metrics,
        clock: Clock,
        logger: Logger
    ) {
        let publisher = Publisher(board: board, clock: clock, logger: logger)
        self.publisher = publisher
        let client = ProbeClient(group: group, clock: clock)
        func probes(_ services: [ServiceDeclaration]) -> Probes {
            Probes(services, client: client, clock: clock, publisher: publisher)
        }
        var all: [Probes] = []
        var files: [String: WatchedFileSource] = [:]
        for service in configuration.services {
            guard let path = service.selector.filePath else { continue }
            let source = FileSource(service: service.name, path: path, host: configuration.host)
            all.append(probes([service]))
            files[service.name] = WatchedFileSource(
                path: path,
                reader: FileReader(source: source, publisher: publisher, probes: all.last), group: group,
                clock: clock,
                logger: logger)
        }
        let onEngines = configuration.services.filter { $0.selector.filePath == nil }
        let parts = EngineDependencies(
            services: onEngines, sockets: configuration.engines, group: group, metrics: metrics, clock: clock,
            logger: logger)
        let onEnginesProbes = probes(onEngines)
        all.append(onEnginesProbes)
        engines =
            onEngines.isEmpty
            ? nil
            : EngineSource(
                parts, builder: DocumentBuilder(host: configuration.host), publisher: publisher,
                probes: onEnginesProbes)
        self.probes = all
        self.files = files
        self.board = board
        self.clock = clock
    }

    /// Returns when every look's probes have ended, too.
    func settle() async {
        for probes in probes { await probes.settle() }
    }

    /// Looks until the task is cancelled; what is still under way then is not put up any more.
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

    func looker(for service: String) -> Refresher? { files[service]?.looker ?? engines?.looker }

    var lookers: [Refresher] { files.values.map(\.looker) + (engines.map { [$0.looker] } ?? []) }
}
