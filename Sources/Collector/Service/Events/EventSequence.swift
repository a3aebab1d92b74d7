import FoundationEssentials
import Synchronization

/// The numbers of events: they grow, also from one start of the service to the next.
///
/// A number of a former process is below ``first``, so that it is recognized.
final class EventSequence: Sendable {
    /// Before the first event of this process: milliseconds since 1970. A process sends far fewer events than that.
    let first: UInt64
    private let last: Atomic<UInt64>

    init(at start: Date = Date()) {
        first = UInt64(max(1, start.timeIntervalSince1970 * 1_000))
        last = Atomic(first)
    }

    /// The number of the last event. What is read after it is at least as new.
    var number: UInt64 { last.load(ordering: .acquiring) }

    /// The number of a new event.
    func next() -> UInt64 { last.add(1, ordering: .acquiringAndReleasing).newValue }
}
