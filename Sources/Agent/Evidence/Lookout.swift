import Logging
import NIOCore
import Shared

/// Keeps the board true: looks when something happened, now and then, and at once when somebody must not be given old
/// evidence. What hangs holds up nothing but itself.
struct Lookout: Sendable {
    /// Evidence up to this age is served to a request with a nonce; for older, one look is made for all who wait. Ages
    /// count from a look's start, so this is also the shortest time between two such looks.
    static let freshness = Duration.seconds(1)
    /// No request with a nonce is given older evidence while the source can be read.
    static let maximumAge = Duration.seconds(2)

    private let files: [String: FileLookout]
    private let engines: EngineLookout?
    private let board: Board
    private let clock: Clock

    init(
        configuration: EvidenceConfiguration, board: Board, group: any EventLoopGroup, metrics: Metrics, clock: Clock,
        logger: Logger
    ) {
        let publisher = Publisher(board: board, clock: clock, logger: logger)
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

    /// Looks at everything once.
    func lookAtAll() async {
        await withDiscardingTaskGroup { group in
            for looker in lookers { group.addTask { await looker.look() } }
        }
    }

    /// Looks until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for file in files.values { group.addTask { await file.run() } }
            if let engines { group.addTask { await engines.run() } }
        }
    }

    /// Whether a request with a nonce may be answered with this.
    func isFresh(_ entry: Board.Entry) -> Bool {
        entry.lookedAt.map { clock.now() - $0 <= Self.freshness } ?? false
    }

    /// Sees to it that the service's evidence is fresh, or that its source is known not to be readable.
    func refresh(_ service: String) async {
        guard let looker = files[service]?.looker ?? engines?.looker else { return }
        // A second look only where the first, joined while under way, had begun too long ago.
        for _ in 1...2 {
            guard let entry = board.entry(service), !isFresh(entry) else { return }
            await looker.look()
            guard let after = board.entry(service), after.isReadable, let start = after.lookedAt else { return }
            if clock.now() - start <= Self.maximumAge { return }
        }
    }

    private var lookers: [Looker] { files.values.map(\.looker) + (engines.map { [$0.looker] } ?? []) }
}
