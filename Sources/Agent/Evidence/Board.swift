import Shared
import Synchronization

/// The newest evidence of every service, ready to be served: looks write it, connections read it.
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

    private let entries: Mutex<[String: Entry]>
    let services: [String]

    /// - Parameter initial: one a service, in the order of the services.
    init(_ initial: [Entry]) {
        services = initial.map(\.body.content.service)
        entries = Mutex(Dictionary(uniqueKeysWithValues: initial.map { ($0.body.content.service, $0) }))
    }

    func entry(_ service: String) -> Entry? {
        entries.withLock { $0[service] }
    }

    /// Puts up what a look saw, unless a later look was faster. An equal content keeps its bytes.
    func publish(_ content: DocumentContent, lookedAt: ContinuousClock.Instant, observedAt: String) throws {
        let service = content.service
        if let current = entry(service), let newer = current.lookedAt, newer > lookedAt { return }
        let known = entry(service)?.body
        let body = known?.content == content ? known : nil
        let entry = Entry(
            body: try body ?? DocumentBody(content), lookedAt: lookedAt, observedAt: observedAt,
            isReadable: content.state != .unknown)
        entries.withLock { $0[service] = entry }
    }
}
