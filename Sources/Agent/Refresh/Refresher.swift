import AgentCore
import Synchronization

/// A source that its ``Refresher`` refreshes.
protocol Refreshable: Sendable {
    /// Schedules the observations of this source.
    var refresher: Refresher { get }

    /// Makes one observation and publishes it. Calls never overlap.
    ///
    /// - Parameter startedAt: the moment from which the observation's age counts.
    func observe(startedAt: ContinuousClock.Instant) async -> Refresher.Outcome
}

extension Refreshable {
    /// Makes an observation, or waits for the one that is in flight.
    func refresh() async { await refresher.refresh(self) }
}

/// Schedules a source's observations: periodically, on request, and one at a time for all callers that wait.
///
/// A refresher does not own its source: the source owns the refresher.
final class Refresher: Sendable {
    /// The result of an observation, for the schedule.
    struct Outcome: Hashable, Sendable {
        /// True if the source could be read.
        var succeeded: Bool
        /// True if a published content has changed.
        var changed: Bool
        /// True if events will announce changes; nil if the observation does not show it.
        var eventsAvailable: Bool?
    }

    private struct State {
        var schedule: RefreshSchedule
        var inFlight: (task: Task<Void, Never>, startedAt: ContinuousClock.Instant)?
        /// Woken when the schedule changes.
        var sleep: WakeableSleep?
    }

    private enum Step {
        case await(Task<Void, Never>)
        case sleep(WakeableSleep, Duration)
    }

    private let clock: Clock
    private let state: Mutex<State>

    init(pace: RefreshSchedule.Pace, clock: Clock) {
        state = Mutex(State(schedule: RefreshSchedule(pace)))
        self.clock = clock
    }

    /// Makes an observation, or waits for the one that is in flight.
    func refresh(_ source: any Refreshable) async {
        await state.withLock { begin(source, &$0) }.value
    }

    /// Refreshes the source on schedule until the task is cancelled.
    func run(_ source: any Refreshable) async {
        while !Task.isCancelled {
            switch nextStep(source) {
            case .await(let task): await task.value
            case .sleep(let sleep, let duration): await sleep.wait(duration)
            }
        }
    }

    /// Requests an observation because something changed.
    ///
    /// - Parameter delay: the time to wait because the change is not complete.
    func requestRefresh(after delay: Duration = .zero) {
        change { $0.request(at: clock.now(), after: delay) }
    }

    /// Sets whether events announce every change from now on.
    func setEventsAvailable(_ areAvailable: Bool) {
        change { $0.setEventsAvailable(areAvailable, at: clock.now()) }
    }

    /// True unless an observation has been in flight for longer than the limit.
    func isResponsive(within limit: Duration) -> Bool {
        state.withLock { state in state.inFlight.map { clock.now() - $0.startedAt <= limit } ?? true }
    }

    private func change(_ change: (inout RefreshSchedule) -> Void) {
        state.withLock { state in
            change(&state.schedule)
            return state.sleep
        }?.ring()
    }

    private func nextStep(_ source: any Refreshable) -> Step {
        state.withLock { state in
            let now = clock.now()
            switch state.schedule.next(at: now) {
            case .refresh, .busy: return .await(begin(source, &state))
            case .wait(let until):
                let sleep = WakeableSleep()
                state.sleep = sleep
                return .sleep(sleep, until - now)
            }
        }
    }

    private func begin(_ source: any Refreshable, _ state: inout State) -> Task<Void, Never> {
        if let inFlight = state.inFlight { return inFlight.task }
        let start = clock.now()
        state.schedule.began(at: start)
        let task = Task.onTaskThread { [self] in
            let outcome = await source.observe(startedAt: start)
            ended(outcome, start)
        }
        state.inFlight = (task, start)
        return task
    }

    private func ended(_ outcome: Outcome, _ start: ContinuousClock.Instant) {
        state.withLock { state in
            // Events have announced changes since the observation's start.
            if let areAvailable = outcome.eventsAvailable { state.schedule.setEventsAvailable(areAvailable, at: start) }
            state.schedule.ended(at: clock.now(), succeeded: outcome.succeeded, changed: outcome.changed)
            state.inFlight = nil
            // An observation on request also moves the next scheduled one.
            return state.sleep
        }?.ring()
    }
}
