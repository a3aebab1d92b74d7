/// The schedule of refreshes, as a state machine without a clock. Events make a refresh due at once; while events are
/// reliable, other refreshes are rare.
///
/// A request is due at once; a request during a refresh makes exactly one more due after it. A few refreshes can follow each
/// other immediately (a restart is five events), then they come at a fixed rate, however many requests there are.
package struct RefreshSchedule: Sendable {
    package typealias Instant = ContinuousClock.Instant

    /// The intervals between refreshes.
    package struct Pace: Hashable, Sendable {
        /// The interval while events announce every change.
        var calm: Duration
        /// The interval while changes have to be found by polling.
        var wary: Duration
        /// The time until events are trusted. An engine responds before it has subscribed, so a refresh immediately after
        /// the response can miss a change in between.
        var settling: Duration

        /// The pace for engines, which announce changes through `/events`.
        package static let engines = Pace(calm: .seconds(30), wary: .seconds(2), settling: .seconds(1))
        /// The pace for files. inotify announces their changes, except those by other machines on a network file system.
        package static let files = Pace(calm: .seconds(10), wary: .seconds(2), settling: .zero)
        /// The pace for readers, which announce every observation.
        package static let readers = Pace(calm: .seconds(30), wary: .seconds(1), settling: .zero)
    }

    /// The next step.
    package enum Step: Hashable, Sendable {
        case refresh
        /// Wait, unless a request comes first.
        case wait(until: Instant)
        /// A refresh is in flight; ask again when it has ended.
        case busy
    }

    /// The number of refreshes that can follow each other without a pause.
    static let burst = 5
    /// The time after which one more refresh is allowed: at most 18 in the first second of a storm, then 13 per second.
    static let spacing = Duration.milliseconds(75)
    /// The time during which events are not trusted after a change that no event announced.
    static let distrust = Duration.seconds(60)

    private let pace: Pace
    private var lastStart: Instant?
    private var isInFlight = false
    /// The time at which the requested refresh is due; nil if no refresh was requested.
    private var requested: Instant?
    private var wasRequested = false
    private var succeeded = false
    private var eventsSince: Instant?
    private var surprisedAt: Instant?
    /// The time until which the refreshes so far use up the fixed rate.
    private var spentUntil: Instant?

    package init(_ pace: Pace) {
        self.pace = pace
    }

    /// Requests a refresh, because something changed.
    ///
    /// - Parameter delay: the time to wait because the change is not complete: a file is being written.
    package mutating func request(at now: Instant, after delay: Duration = .zero) {
        requested = min(requested ?? now + delay, now + delay)
    }

    /// Sets whether events announce changes from now on.
    package mutating func setEventsAvailable(_ areAvailable: Bool, at now: Instant) {
        guard areAvailable != (eventsSince != nil) else { return }
        eventsSince = areAvailable ? now : nil
    }

    package mutating func began(at now: Instant) {
        isInFlight = true
        lastStart = now
        wasRequested = requested != nil
        if let due = requested, due <= now { requested = nil }
        spentUntil = max(spentUntil ?? now, now) + Self.spacing
    }

    /// - Parameter changed: true if the refresh found a different state from the previous one.
    package mutating func ended(at now: Instant, succeeded: Bool, changed: Bool) {
        isInFlight = false
        self.succeeded = succeeded
        if changed, succeeded, !wasRequested, requested == nil, eventsSince != nil { surprisedAt = now }
    }

    package func next(at now: Instant) -> Step {
        guard !isInFlight else { return .busy }
        guard let lastStart else { return .refresh }
        var due = lastStart + interval(at: now)
        if let requested {
            let allowed = spentUntil.map { $0 - Self.spacing * (Self.burst - 1) } ?? now
            due = min(due, max(requested, allowed))
        }
        return due <= now ? .refresh : .wait(until: due)
    }

    private func interval(at now: Instant) -> Duration {
        guard let eventsSince, let lastStart, succeeded, lastStart >= eventsSince + pace.settling else {
            return pace.wary
        }
        if let surprisedAt, now < surprisedAt + Self.distrust { return pace.wary }
        return pace.calm
    }
}

/// The pause before the next attempt: doubled after each failure, up to a limit.
package struct Backoff: Hashable, Sendable {
    static let first = Duration.milliseconds(100)
    static let limit = Duration.seconds(2)
    /// The minimum duration of a successful attempt. A proxy that answers and closes at once counts as a failure, and must
    /// not be queried in a loop.
    package static let stability = Duration.seconds(5)

    private var upcoming = Self.first

    package init() {}

    /// - Parameter lifetime: the duration of the last attempt.
    package mutating func pause(after lifetime: Duration) -> Duration {
        if lifetime >= Self.stability { upcoming = Self.first }
        defer { upcoming = min(upcoming * 2, Self.limit) }
        return upcoming
    }
}
