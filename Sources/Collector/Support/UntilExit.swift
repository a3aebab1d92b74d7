import Synchronization

/// Values that are never released: to release the state of 100,000 hosts takes as long as to report on it, and the system takes
/// back a process's memory at once.
package enum UntilExit {
    private static let kept = Mutex<[any Sendable]>([])

    package static func keep(_ value: any Sendable) {
        kept.withLock { $0.append(value) }
    }
}
