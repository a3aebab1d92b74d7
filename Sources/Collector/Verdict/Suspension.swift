/// A time in which the collector did not run: its process was stopped, or its machine was suspended or starved.
package struct Suspension: Hashable, Sendable {
    package var from: Duration
    package var until: Duration

    package init(from: Duration, until: Duration) {
        self.from = from
        self.until = until
    }

    package var duration: Duration { until - from }

    /// The part of the time between two moments in which the collector did not run.
    package func overlap(_ start: Duration, _ end: Duration) -> Duration {
        max(.zero, min(end, until) - max(start, from))
    }
}

/// The suspensions of a verification.
package struct Suspensions: Hashable, Sendable {
    /// The latest ones. A request overlaps no earlier ones, because it ends within its timeout.
    private var latest: [Suspension] = []
    package private(set) var count = 0
    package private(set) var total = Duration.zero
    private static let kept = 8

    package var last: Suspension? { latest.last }

    mutating func append(_ suspension: Suspension) {
        if latest.count >= Self.kept { latest.removeFirst() }
        latest.append(suspension)
        count += 1
        total += suspension.duration
    }

    /// The part of the time between two moments in which the collector did not run.
    package func overlap(_ start: Duration, _ end: Duration) -> Duration {
        latest.reduce(.zero) { $0 + $1.overlap(start, end) }
    }
}
