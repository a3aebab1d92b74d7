/// When to look: a state machine without a clock. Events make a look due at once, their absence makes looks rare.
///
/// Told of something, it looks at once; told during a look, it looks exactly once more after it. A few looks may follow
/// each other immediately (a restart is five events), then they come at a fixed rate, however many events there are.
struct RefreshSchedule: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// How often is often enough.
    struct Pace: Hashable, Sendable {
        /// Between looks while every change is announced.
        var calm: Duration
        /// Between looks while changes have to be found.
        var wary: Duration
        /// After the announcements began: an engine answers before it has subscribed, so that a look right behind the
        /// answer does not count for what happened in between.
        var settling: Duration

        /// For engines, whose events are announced by `/events`.
        static let engines = Pace(calm: .seconds(30), wary: .seconds(2), settling: .seconds(1))
        /// For files, whose changes are announced by inotify, except those made elsewhere on a network's file system.
        static let files = Pace(calm: .seconds(10), wary: .seconds(2), settling: .zero)
    }

    /// What to do now.
    enum Step: Hashable, Sendable {
        case look
        /// Unless something happens before.
        case wait(until: Instant)
        /// A look is under way; ask again behind it.
        case busy
    }

    /// Looks that may follow each other without a pause…
    static let burst = 5
    /// …and the time in which one more is allowed: at most 18 looks in the first second of a storm, 13 in each other.
    static let spacing = Duration.milliseconds(75)
    /// After a change that nobody had announced, so long is nobody trusted to announce one.
    static let distrust = Duration.seconds(60)

    private let pace: Pace
    private var lastStart: Instant?
    private var isLooking = false
    /// When the look is due that was asked for; nil where none was.
    private var wanted: Instant?
    private var wasTold = false
    private var succeeded = false
    private var followedSince: Instant?
    private var surprisedAt: Instant?
    /// When the looks made so far would have ended at the fixed rate.
    private var spentUntil: Instant?

    init(_ pace: Pace) {
        self.pace = pace
    }

    /// Something happened.
    ///
    /// - Parameter delay: what happened is not over: a file is being written.
    mutating func told(at now: Instant, after delay: Duration = .zero) {
        wanted = min(wanted ?? now + delay, now + delay)
    }

    /// Changes are announced from now on, or no more.
    mutating func follows(_ isFollowed: Bool, at now: Instant) {
        guard isFollowed != (followedSince != nil) else { return }
        followedSince = isFollowed ? now : nil
    }

    mutating func began(at now: Instant) {
        isLooking = true
        lastStart = now
        wasTold = wanted != nil
        if let due = wanted, due <= now { wanted = nil }
        spentUntil = max(spentUntil ?? now, now) + Self.spacing
    }

    /// - Parameter changed: whether the look saw something else than the one before.
    mutating func ended(at now: Instant, succeeded: Bool, changed: Bool) {
        isLooking = false
        self.succeeded = succeeded
        if changed, succeeded, !wasTold, wanted == nil, followedSince != nil { surprisedAt = now }
    }

    func next(at now: Instant) -> Step {
        guard !isLooking else { return .busy }
        guard let lastStart else { return .look }
        var due = lastStart + interval(at: now)
        if let wanted {
            let allowed = spentUntil.map { $0 - Self.spacing * (Self.burst - 1) } ?? now
            due = min(due, max(wanted, allowed))
        }
        return due <= now ? .look : .wait(until: due)
    }

    private func interval(at now: Instant) -> Duration {
        guard let followedSince, let lastStart, succeeded, lastStart >= followedSince + pace.settling else {
            return pace.wary
        }
        if let surprisedAt, now < surprisedAt + Self.distrust { return pace.wary }
        return pace.calm
    }
}
