import AgentCore
import Shared
import Synchronization

/// The latest document of every service, ready to be served. Sources write it, connections read it, and observers are
/// notified of changes.
final class DocumentStore: Sendable {
    /// The latest document of one service.
    struct Entry: Sendable {
        var body: DocumentBody
        /// The start of the observation, from which ages count; nil before the first observation.
        var startedAt: ContinuousClock.Instant?
        /// The wall clock at that moment, for display.
        var observedAt: String
        /// The start of the observation that the body was encoded from.
        var bodyStartedAt: ContinuousClock.Instant?
        /// True if the source could be read.
        var isReadable: Bool
        /// The time that the service took to answer its probe. It is not part of the content, so its changes notify no
        /// observer.
        var probeLatency: Duration?
    }

    /// A callback with the service's name. It runs on the publisher's thread, so it must not block.
    typealias Observer = @Sendable (_ service: String) -> Void

    /// The events that observers can be notified of.
    enum Occasion: Hashable, Sendable {
        /// A service's content has changed.
        case change
        /// A service was observed, changed or not.
        case observation
    }

    /// The time for which a content stays if only the texts of its health outputs have changed. They hold times and process
    /// ids, and would otherwise wake every held request at every check.
    static let healthOutputInterval = Duration.seconds(60)

    private struct State {
        var services: [String] = []
        var entries: [String: Entry] = [:]
    }

    private let state: Mutex<State>
    private let observers = Mutex<[Occasion: [Observer]]>([:])

    /// - Parameter initial: one entry per service, in the order of the services.
    init(_ initial: [Entry]) {
        state = Mutex(
            State(
                services: initial.map(\.body.content.service),
                entries: Dictionary(uniqueKeysWithValues: initial.map { ($0.body.content.service, $0) })))
    }

    /// The services in the order of their declaration: the first one answers `/buildinfo`.
    var services: [String] { state.withLock(\.services) }

    /// The services' entries, in the same order.
    var entries: [Entry] {
        state.withLock { state in state.services.compactMap { state.entries[$0] } }
    }

    func entry(_ service: String) -> Entry? {
        state.withLock { $0.entries[service] }
    }

    /// Adds an observer of everything published from now on. A caller that reads an entry afterwards misses no change.
    func observe(_ occasion: Occasion = .change, _ observer: @escaping Observer) {
        observers.withLock { $0[occasion, default: []].append(observer) }
    }

    /// Replaces the services. Known services keep their entries.
    ///
    /// - Parameters:
    ///   - initial: one entry per service, in the order of the services.
    ///   - resetting: the services whose current entries no longer count.
    func reconfigure(_ initial: [Entry], resetting: Set<String> = []) {
        let changed = state.withLock { state -> [String] in
            let before = state
            state = State(services: initial.map(\.body.content.service))
            for entry in initial {
                let service = entry.body.content.service
                state.entries[service] = resetting.contains(service) ? entry : before.entries[service] ?? entry
            }
            return before.services.filter { resetting.contains($0) || state.entries[$0] == nil }
        }
        for service in changed { notify(.change, service) }
    }

    private func notify(_ occasion: Occasion, _ service: String) {
        for observer in observers.withLock({ $0[occasion] ?? [] }) { observer(service) }
    }

    /// Stores the content of an observation, unless an observation that began later is already stored. Equal content keeps
    /// its encoded bytes, and so does one with other health outputs for ``healthOutputInterval``.
    ///
    /// - Returns: true if the content has changed in more than its health outputs, which no event announces; false for a
    ///   service that is no longer in the store.
    @discardableResult
    func publish(
        _ content: DocumentContent, startedAt: ContinuousClock.Instant, observedAt: String,
        probeLatency: Duration? = nil
    ) throws -> Bool {
        let service = content.service
        let known = entry(service)
        let isKept = known.map { $0.isKept(for: content, startedAt: startedAt) } ?? false
        let kept = isKept ? known : nil
        let entry = Entry(
            body: try kept?.body ?? DocumentBody(content), startedAt: startedAt, observedAt: observedAt,
            bodyStartedAt: kept?.bodyStartedAt ?? startedAt, isReadable: content.state != .unknown,
            probeLatency: probeLatency)
        let before = state.withLock { state -> Entry? in
            guard let before = state.entries[service] else { return nil }
            if let newer = before.startedAt, newer > startedAt { return nil }
            return state.entries.updateValue(entry, forKey: service)
        }
        guard let before else { return false }
        let changed = before.body.entityTag != entry.body.entityTag
        if changed { notify(.change, service) }
        notify(.observation, service)
        return changed && !before.body.content.isEqual(to: content, keepingPresence: false)
    }
}

extension DocumentStore {
    /// A store without observations.
    convenience init(configuration: SourceConfiguration) throws {
        self.init(try Self.unobserved(configuration))
    }

    /// Applies another configuration. Entries of services with an unchanged declaration are kept.
    func reconfigure(for configuration: SourceConfiguration, after former: SourceConfiguration) throws {
        let isElsewhere = configuration.engines != former.engines || configuration.host != former.host
        let changed = configuration.services.filter { isElsewhere || !former.services.contains($0) }
        reconfigure(try Self.unobserved(configuration), resetting: Set(changed.map(\.name)))
    }

    private static func unobserved(_ configuration: SourceConfiguration) throws -> [Entry] {
        try configuration.services.map { service in
            try Entry(
                unobserved: service.name, host: configuration.host,
                reason: "not observed yet: the agent has just started")
        }
    }
}

extension DocumentStore.Entry {
    /// True if the body stays for an observation of the content.
    fileprivate func isKept(for content: DocumentContent, startedAt: ContinuousClock.Instant) -> Bool {
        if body.content == content { return true }
        guard let bodyStartedAt, startedAt - bodyStartedAt < DocumentStore.healthOutputInterval else { return false }
        return body.content.isEqual(to: content, keepingPresence: true)
    }

    /// The entry of a service before its first observation.
    ///
    /// - Parameter reason: the reason why nothing is known yet.
    init(unobserved service: String, host: HostIdentity, reason: String) throws {
        let content = DocumentContent(service: service, state: .unknown, reason: reason, host: host)
        self.init(
            body: try DocumentBody(content), startedAt: nil, observedAt: "1970-01-01T00:00:00Z", isReadable: false)
    }
}

extension DocumentContent {
    /// True if both differ at most in the texts of their health outputs.
    fileprivate func isEqual(to other: DocumentContent, keepingPresence: Bool) -> Bool {
        withoutHealthOutputs(keepingPresence: keepingPresence)
            == other.withoutHealthOutputs(keepingPresence: keepingPresence)
    }
}
