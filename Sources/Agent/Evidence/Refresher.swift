import Synchronization

/// Makes looks of one kind: when its schedule says so, and when somebody asks; one at a time, for all who wait.
final class Refresher: Sendable {
    /// What a look was like, for the schedule.
    struct Outcome: Hashable, Sendable {
        /// Whether the source could be read.
        var succeeded: Bool
        /// Whether anything is published that was not before.
        var changed: Bool
        /// Whether changes will be announced; nil where the look cannot tell.
        var isFollowed: Bool?
    }

    /// Makes one look; may tell the looker what it learns later.
    typealias Look = @Sendable (_ looker: Refresher, _ start: ContinuousClock.Instant) async -> Outcome

    private struct State {
        var schedule: RefreshSchedule
        var underWay: Task<Void, Never>?
        var begun: ContinuousClock.Instant?
        /// Rung when the schedule has another opinion.
        var pause: WakeableSleep?
    }

    private enum Turn {
        case await(Task<Void, Never>)
        case pause(WakeableSleep, Duration)
    }

    private let clock: Clock
    private let makeLook: Look
    private let state: Mutex<State>

    init(pace: RefreshSchedule.Pace, clock: Clock, look: @escaping Look) {
        state = Mutex(State(schedule: RefreshSchedule(pace)))
        self.clock = clock
        makeLook = look
    }

    /// Looks, or waits for the look that is under way.
    func look() async {
        await state.withLock { look(&$0) }.value
    }

    /// Looks as the schedule says until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            switch turn() {
            case .await(let look): await look.value
            case .pause(let alarm, let duration): await alarm.wait(duration)
            }
        }
    }

    /// Something happened that a look has to see.
    ///
    /// - Parameter delay: what happened is not over.
    func told(after delay: Duration = .zero) {
        change { $0.told(at: clock.now(), after: delay) }
    }

    /// Whether whatever happens is told from now on.
    func follows(_ isFollowed: Bool) {
        change { $0.follows(isFollowed, at: clock.now()) }
    }

    /// False where a look is under way that began longer ago.
    func isTurning(within limit: Duration) -> Bool {
        state.withLock { state in state.begun.map { clock.now() - $0 <= limit } ?? true }
    }

    private func change(_ change: (inout RefreshSchedule) -> Void) {
        state.withLock { state in
            change(&state.schedule)
            return state.pause
        }?.ring()
    }

    private func turn() -> Turn {
        state.withLock { state in
            let now = clock.now()
            switch state.schedule.next(at: now) {
            case .look, .busy: return .await(look(&state))
            case .wait(let until):
                let alarm = WakeableSleep()
                state.pause = alarm
                return .pause(alarm, until - now)
            }
        }
    }

    private func look(_ state: inout State) -> Task<Void, Never> {
        if let underWay = state.underWay { return underWay }
        let start = clock.now()
        state.schedule.began(at: start)
        let task = Task.onTaskThread { [self] in
            let outcome = await makeLook(self, start)
            ended(outcome, start)
        }
        state.underWay = task
        state.begun = start
        return task
    }

    private func ended(_ outcome: Outcome, _ start: ContinuousClock.Instant) {
        state.withLock { state in
            // Announced since the look's start: it counts as one that was followed.
            if let isFollowed = outcome.isFollowed { state.schedule.follows(isFollowed, at: start) }
            state.schedule.ended(at: clock.now(), succeeded: outcome.succeeded, changed: outcome.changed)
            state.underWay = nil
            state.begun = nil
            // A look that somebody else asked for moves the schedule's next one.
            return state.pause
        }?.ring()
    }
}
