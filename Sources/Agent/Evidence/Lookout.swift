import Logging
import NIOCore
import Shared

/// Keeps the board true: looks when something happened, now and then, and at once when somebody must not be given old
/// evidence. What hangs holds up nothing but itself.
struct Lookout: EvidenceSource {
    private let publisher: Publisher
    private let files: [String: FileLookout]
    private let engines: EngineLookout?
    let board: Board
    let clock: Clock

    init(
        configuration: EvidenceConfiguration, board: Board, group: any EventLoopGroup, metrics: Metrics, clock: Clock,
        logger: Logger
    ) {
        let publisher = Publisher(board: board, clock: clock, logger: logger)
        self.publisher = publisher
        var files: [String: FileLookout] = [:]
        for service in configuration.services {
            guard let path = service.selector.filePath else { continue }
            let source = FileSource(service: service.name, path: path, host: configuration.host)
            files[service.name] = FileLookout(
                path: path, reader: FileReader(source: source, publisher: publisher), group: group,
                clock: clock,
                logger: logger)
        }
        let onEngines = configuration.services.filter { $0.selector.filePath == nil }
        let parts = EngineParts(
            services: onEngines, sockets: configuration.engines, group: group, metrics: metrics, clock: clock,
            logger: logger)
        engines =
            onEngines.isEmpty
            ? nil : EngineLookout(parts, builder: DocumentBuilder(host: configuration.host), publisher: publisher)
        self.files = files
        self.board = board
        self.clock = clock
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
        }
    }

    func looker(for service: String) -> Looker? { files[service]?.looker ?? engines?.looker }

    var lookers: [Looker] { files.values.map(\.looker) + (engines.map { [$0.looker] } ?? []) }
}
