import Logging
import NIOCore
import Shared

/// Keeps the board true: looks regularly, and at once when somebody must not be given old evidence.
actor Lookout {
    /// How often engines are looked at when nobody asks.
    static let engineInterval = Duration.seconds(2)
    /// How often files are read.
    static let fileInterval = Duration.milliseconds(200)
    /// Evidence up to this age is served to a request with a nonce; for older, one look is made for all who wait. Ages
    /// count from a look's start, so this is also the shortest time between two looks.
    static let freshness = Duration.seconds(1)
    /// No request with a nonce is given older evidence while the source can be read.
    static let maximumAge = Duration.seconds(2)

    private let files: [String: FileSource]
    private let engineServices: [ServiceDeclaration]
    private let engines: EngineSockets
    private let builder: DocumentBuilder
    private let group: any EventLoopGroup
    private let board: Board
    private let metrics: Metrics
    private let clock: Clock
    private let logger: Logger
    private var engineLook: Task<Void, Never>?
    private var lastEngineLook: ContinuousClock.Instant?
    private var lastStates: [String: String] = [:]

    init(
        configuration: EvidenceConfiguration, board: Board, group: any EventLoopGroup, metrics: Metrics, clock: Clock,
        logger: Logger
    ) {
        let host = configuration.host
        files = Dictionary(
            uniqueKeysWithValues: configuration.services.compactMap { service in
                service.selector.filePath.map {
                    (service.name, FileSource(service: service.name, path: $0, host: host))
                }
            })
        engineServices = configuration.services.filter { $0.selector.filePath == nil }
        engines = configuration.engines
        builder = DocumentBuilder(host: host)
        self.group = group
        self.board = board
        self.metrics = metrics
        self.clock = clock
        self.logger = logger
    }

    /// Looks at everything once.
    func lookAtAll() async {
        for file in files.values { look(at: file) }
        await lookAtEngines()
    }

    /// Looks regularly until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            if !files.isEmpty {
                group.addTask { await self.keepReadingFiles() }
            }
            if !engineServices.isEmpty {
                group.addTask { await self.keepLookingAtEngines() }
            }
        }
    }

    /// Whether a request with a nonce may be answered with this.
    nonisolated func isFresh(_ entry: Board.Entry) -> Bool {
        entry.lookedAt.map { clock.now() - $0 <= Self.freshness } ?? false
    }

    /// Sees to it that the service's evidence is fresh, or that its source is known not to be readable.
    func refresh(_ service: String) async {
        guard let entry = board.entry(service), !isFresh(entry) else { return }
        if let file = files[service] {
            look(at: file)
            return
        }
        // A second look only where the first, joined while under way, had begun too long ago.
        for _ in 1...2 {
            guard let entry = board.entry(service), !isFresh(entry) else { return }
            await lookAtEngines()
            guard let after = board.entry(service), after.isReadable, let start = after.lookedAt else { return }
            if clock.now() - start <= Self.maximumAge { return }
        }
    }

    private func keepReadingFiles() async {
        while await pause(Self.fileInterval) {
            for file in files.values { look(at: file) }
        }
    }

    private func keepLookingAtEngines() async {
        // Counted from the last look, whoever asked for it.
        while await pause(lastEngineLook.map { Self.engineInterval - (clock.now() - $0) } ?? .zero) {
            let isDue = lastEngineLook.map { clock.now() - $0 >= Self.engineInterval } ?? true
            if isDue { await lookAtEngines() }
        }
    }

    /// False when the task was cancelled.
    private func pause(_ duration: Duration) async -> Bool {
        do {
            try await Task.sleep(for: max(duration, .milliseconds(1)))
            return true
        } catch {
            return false
        }
    }

    private func look(at file: FileSource) {
        let start = clock.now()
        let observedAt = wallClock
        publish(file.look(), lookedAt: start, observedAt: observedAt)
    }

    /// One look at all engines for all who wait.
    private func lookAtEngines() async {
        if let engineLook {
            await engineLook.value
            return
        }
        guard !engineServices.isEmpty else { return }
        let look = Task { await makeEngineLook() }
        engineLook = look
        await look.value
    }

    private func makeEngineLook() async {
        let start = clock.now()
        lastEngineLook = start
        let observedAt = wallClock
        let inspectors = engines.current().map {
            EngineInspector(client: EngineClient(socketPath: $0, group: group), services: engineServices)
        }
        let looks = await withTaskGroup(of: (Int, Result<EngineSnapshot, EngineFailure>).self) { group in
            for (index, inspector) in inspectors.enumerated() { group.addTask { (index, await inspector.look()) } }
            var outcomes: [(Int, Result<EngineSnapshot, EngineFailure>)] = []
            for await outcome in group { outcomes.append(outcome) }
            return outcomes.sorted { $0.0 < $1.0 }.map(\.1)
        }
        metrics.update { counts in
            counts.looks += 1
            for case .failure(let failure) in looks { counts.lookFailures[failure.reason, default: 0] += 1 }
        }
        for service in engineServices {
            publish(builder.content(for: service.name, looks: looks), lookedAt: start, observedAt: observedAt)
        }
        engineLook = nil
    }

    private func publish(_ content: DocumentContent, lookedAt: ContinuousClock.Instant, observedAt: String) {
        do {
            try board.publish(content, lookedAt: lookedAt, observedAt: observedAt)
        } catch {
            // What is on the board grows old, and its age says so.
            logger.error(
                "A document could not be encoded", metadata: ["service": "\(content.service)", "error": "\(error)"])
        }
        let summary = "\(content.state.rawValue) \(content.gitSHA?.hex ?? "-") \(content.digest?.description ?? "-")"
        guard lastStates.updateValue(summary, forKey: content.service) != summary else { return }
        logger.info(
            "Service seen",
            metadata: [
                "service": "\(content.service)", "state": "\(content.state.rawValue)",
                "git_sha": "\(content.gitSHA?.hex ?? "null")", "digest": "\(content.digest?.description ?? "null")",
                "reason": "\(content.reason ?? "")",
            ])
    }

    private var wallClock: String { RFC3339.text(unixMilliseconds: clock.unixMilliseconds()) }
}
