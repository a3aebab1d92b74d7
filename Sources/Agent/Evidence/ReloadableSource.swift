import Synchronization

/// The source that is asked now: another one after the configuration was read again.
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
