import AgentCore
import Shared
import Synchronization

/// The origin of the agent's documents: the observations of this process, or those of a reader.
protocol StatusSource: Sendable {
    var documents: DocumentStore { get }
    var clock: Clock { get }
    /// The parts of the source that are refreshed independently.
    var parts: [any Refreshable] { get }

    /// Keeps the documents up to date until the task is cancelled. Afterwards nothing is published any more.
    func run() async

    /// The part that observes the service; nil if there is none.
    func part(for service: String) -> (any Refreshable)?
}

/// The permitted age of a document.
enum ObservationAge {
    /// A request with a nonce is answered with a document up to this age; otherwise, one observation is made for all
    /// waiting requests. Since ages count from an observation's start, this is also the minimum time between two of them.
    static let freshness = Duration.seconds(1)
    /// No request with a nonce is answered with an older document while the source can be read.
    static let maximum = Duration.seconds(2)
}

extension StatusSource {
    /// Observes everything once.
    func refreshAll() async {
        await withDiscardingTaskGroup { group in
            for part in parts { group.addTask { await part.refresh() } }
        }
    }

    /// True if a request with a nonce can be answered with this document.
    func isFresh(_ entry: DocumentStore.Entry) -> Bool {
        entry.startedAt.map { clock.now() - $0 <= ObservationAge.freshness } ?? false
    }

    /// Ensures that the service's document is fresh, or that its source is known to be unreadable.
    func refresh(_ service: String) async {
        guard let part = part(for: service) else { return }
        // A second observation only if the first one, which was already in flight, had begun too long ago.
        for _ in 1...2 {
            guard let entry = documents.entry(service), !isFresh(entry) else { return }
            await part.refresh()
            guard let after = documents.entry(service), after.isReadable, let start = after.startedAt else { return }
            if clock.now() - start <= ObservationAge.maximum { return }
        }
    }
}

/// The source in use, which a reload of the configuration can replace.
final class ReloadableSource: Sendable {
    private let source: Mutex<any StatusSource>

    init(_ source: any StatusSource) {
        self.source = Mutex(source)
    }

    var current: any StatusSource {
        get { source.withLock { $0 } }
        set { source.withLock { $0 = newValue } }
    }
}
