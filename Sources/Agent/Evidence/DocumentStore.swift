import Shared
import Synchronization

/// The newest evidence of every service, ready to be served: looks write it, connections read it, and who wants to know
/// of changes is told.
final class DocumentStore: Sendable {
    /// One service's evidence.
    struct Entry: Sendable {
        var body: DocumentBody
        /// When the look began that saw this; nil before the first look. Ages count from it.
        var lookedAt: ContinuousClock.Instant?
        /// The wall clock then, for people.
        var observedAt: String
        /// Whether the source could be read.
        var isReadable: Bool
        /// How long the service took to answer its probe; no part of the content, so that it wakes nobody.
        var probeLatency: Duration?
    }

    /// Is told the service whose content is another now; called wherever the publisher happens to run, so it hands over.
    typealias Observer = @Sendable (_ service: String) -> Void

    /// What is told to whom.
    enum Occasion: Hashable, Sendable {
        /// A service's content is another than it was.
        case change
        /// Somebody looked at a service, whatever was seen.
        case look
    }

    private struct State {
        var services: [String] = []
        var entries: [String: Entry] = [:]
    }

    private let state: Mutex<State>
    private let observers = Mutex<[Occasion: [Observer]]>([:])

    /// - Parameter initial: one a service, in the order of the services.
    init(_ initial: [Entry]) {
        state = Mutex(
            State(
                services: initial.map(\.body.content.service),
                entries: Dictionary(uniqueKeysWithValues: initial.map { ($0.body.content.service, $0) })))
    }

    /// In the order in which they were declared: the first one answers `/buildinfo`.
    var services: [String] { state.withLock(\.services) }

    /// The services' evidence, in the same order.
    var entries: [Entry] {
        state.withLock { state in state.services.compactMap { state.entries[$0] } }
    }

    func entry(_ service: String) -> Entry? {
        state.withLock { $0.entries[service] }
    }

    /// Tells of all that is published from now on: who reads an entry afterwards misses nothing.
    func observe(_ occasion: Occasion = .change, _ observer: @escaping Observer) {
        observers.withLock { $0[occasion, default: []].append(observer) }
    }

    /// Takes other services from now on. Those that are known keep what was seen of them.
    ///
    /// - Parameters:
    ///   - initial: one a service, in the order of the services.
    ///   - anew: those of which what was seen counts no more.
    func adopt(_ initial: [Entry], anew: Set<String> = []) {
        let told = state.withLock { state -> [String] in
            let before = state
            state = State(services: initial.map(\.body.content.service))
            for entry in initial {
                let service = entry.body.content.service
                state.entries[service] = anew.contains(service) ? entry : before.entries[service] ?? entry
            }
            return before.services.filter { anew.contains($0) || state.entries[$0] == nil }
        }
        for service in told { tell(.change, service) }
    }

    private func tell(_ occasion: Occasion, _ service: String) {
        for observer in observers.withLock({ $0[occasion] ?? [] }) { observer(service) }
    }

    /// Puts up what a look saw, unless a later look was faster. An equal content keeps its bytes.
    ///
    /// - Returns: whether the content is another than before; never for a service that is none of the board's any more.
    @discardableResult
    func publish(
        _ content: DocumentContent, lookedAt: ContinuousClock.Instant, observedAt: String,
        probeLatency: Duration? = nil
    ) throws -> Bool {
        let service = content.service
        let known = entry(service)?.body
        let body = known?.content == content ? known : nil
        let entry = Entry(
            body: try body ?? DocumentBody(content), lookedAt: lookedAt, observedAt: observedAt,
            isReadable: content.state != .unknown, probeLatency: probeLatency)
        let before = state.withLock { state -> Entry? in
            guard let before = state.entries[service] else { return nil }
            if let newer = before.lookedAt, newer > lookedAt { return nil }
            return state.entries.updateValue(entry, forKey: service)
        }
        guard let before else { return false }
        let changed = before.body.entityTag != entry.body.entityTag
        if changed { tell(.change, service) }
        tell(.look, service)
        return changed
    }
}
