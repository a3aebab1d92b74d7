import Synchronization

@testable import Agent

/// A clock that moves only when the test advances it.
final class HandClock: Sendable {
    private let instant = Mutex(ContinuousClock.now)

    func advance(_ duration: Duration) { instant.withLock { $0 += duration } }

    var clock: Clock { Clock(now: { self.instant.withLock { $0 } }, unixMilliseconds: { 0 }) }
}
