/// Where the board's evidence comes from: looks of this process, or a reader's.
protocol StatusSource: Sendable {
    var board: DocumentStore { get }
    var clock: Clock { get }
    /// All that look; none twice.
    var lookers: [Refresher] { get }

    /// Keeps the board true until the task is cancelled. Afterwards nothing is put up any more.
    func run() async

    /// Who looks at the service; nil where nobody does.
    func looker(for service: String) -> Refresher?
}

/// How old evidence may be.
enum ObservationAge {
    /// Evidence up to this age is served to a request with a nonce; for older, one look is made for all who wait. Ages
    /// count from a look's start, so this is also the shortest time between two such looks.
    static let freshness = Duration.seconds(1)
    /// No request with a nonce is given older evidence while the source can be read.
    static let maximum = Duration.seconds(2)
}

extension StatusSource {
    /// Looks at everything once.
    func lookAtAll() async {
        await withDiscardingTaskGroup { group in
            for looker in lookers { group.addTask { await looker.look() } }
        }
    }

    /// Whether a request with a nonce may be answered with this.
    func isFresh(_ entry: DocumentStore.Entry) -> Bool {
        entry.lookedAt.map { clock.now() - $0 <= ObservationAge.freshness } ?? false
    }

    /// Sees to it that the service's evidence is fresh, or that its source is known not to be readable.
    func refresh(_ service: String) async {
        guard let looker = looker(for: service) else { return }
        // A second look only where the first, joined while under way, had begun too long ago.
        for _ in 1...2 {
            guard let entry = board.entry(service), !isFresh(entry) else { return }
            await looker.look()
            guard let after = board.entry(service), after.isReadable, let start = after.lookedAt else { return }
            if clock.now() - start <= ObservationAge.maximum { return }
        }
    }
}
