import Synchronization

/// The source that is asked now: another one after the configuration was read again.
final class CurrentSource: Sendable {
    private let source: Mutex<any EvidenceSource>

    init(_ source: any EvidenceSource) {
        self.source = Mutex(source)
    }

    var current: any EvidenceSource {
        get { source.withLock { $0 } }
        set { source.withLock { $0 = newValue } }
    }
}
