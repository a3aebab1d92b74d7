import Shared
import Synchronization

/// The newest evidence of every service, ready to be served: looks write it, connections read it, and who wants to know
/// of changes is told.
final class Board: Sendable {
    /// One service's evidence.
    struct Entry: Sendable {
        var body: DocumentBody
        /// When the look began that saw this; nil before the first look. Ages count from it.
        var lookedAt: ContinuousClock.Instant?
        /// The wall clock then, for people.
        var observedAt: String
        /// Whether the source could be read.
        var isReadable: Bool
    }

    /// Is told the service whose content is another now; called wherever the publisher happens to run, so it hands over.
    typealias Observer = @Sendable (_ service: String) -> Void

    private let entries: Mutex<[String: Entry]>
    private let observers = Mutex<[Observer]>([])
    let services: [String]

    /// - Parameter initial: one a service, in the order of the services.
    init(_ initial: [Entry]) {
        services = initial.map(\.body.content.service)
        entries = Mutex(Dictionary(uniqueKeysWithValues: initial.map { ($0.body.content.service, $0) }))
    }

    func entry(_ service: String) -> Entry? {
        entries.withLock { $0[service] }
    }

    /// Tells of every change that is published from now on: who reads an entry afterwards misses none.
    func observe(_ observer: @escaping Observer) {
        observers.withLock { $0.append(observer) }
    }

    /// Puts up what a look saw, unless a later look was faster. An equal content keeps its bytes.
    ///
    /// - Returns: whether the content is another than before.
    @discardableResult
    func publish(_ content: DocumentContent, lookedAt: ContinuousClock.Instant, observedAt: String) throws -> Bool {
        let service = content.service
        let known = entry(service)?.body
        let body = known?.content == content ? known : nil
        let entry = Entry(
            body: try body ?? DocumentBody(content), lookedAt: lookedAt, observedAt: observedAt,
            isReadable: content.state != .unknown)
        let changed = entries.withLock { entries in
            if let newer = entries[service]?.lookedAt, newer > lookedAt { return false }
            let before = entries.updateValue(entry, forKey: service)
            return before?.body.entityTag != entry.body.entityTag
        }
        if changed { for observer in observers.withLock({ $0 }) { observer(service) } }
        return changed
    }
}
