import Shared
import Synchronization

/// One service's probe: never asked twice at a time, and repeated soon while it contradicts the service's source.
final class ServiceProbe: Sendable {
    /// nil where the service was not asked, because the agent stops.
    typealias Reading = Task<ProbeReading?, Never>

    private struct Turn {
        var number: Int
        var task: Reading
    }

    private struct State {
        var count = 0
        var underWay: Turn?
        /// Begins when the one under way has ended: for whoever asked meanwhile, all of them.
        var waiting: Turn?
        var ages = InstanceAges()
        var isStopped = false
        var pause = ServiceProbe.firstPause
    }

    /// Before looking again at a service that contradicts its source…
    static let firstPause = Duration.milliseconds(250)
    /// …and at most, doubled each time.
    static let longestPause = Duration.seconds(2)

    private let clock: Clock
    private let ask: @Sendable () async -> ProbeReading
    private let state = Mutex(State())

    init(clock: Clock, ask: @escaping @Sendable () async -> ProbeReading) {
        self.clock = clock
        self.ask = ask
    }

    /// An answer to a request that is sent now or later, so that it is as fresh as a look that begins now.
    func begin() -> Reading {
        state.withLock { state in
            if let waiting = state.waiting { return waiting.task }
            state.count += 1
            let turn = Turn(number: state.count, task: start(state.count, after: state.underWay?.task))
            if state.underWay == nil { state.underWay = turn } else { state.waiting = turn }
            return turn.task
        }
    }

    private func start(_ number: Int, after other: Reading?) -> Reading {
        Task.onTaskThread { [self] in
            if let other { _ = await other.value }
            let isStopped = state.withLock { state in
                if let turn = state.waiting, turn.number == number {
                    state.underWay = turn
                    state.waiting = nil
                }
                return state.isStopped
            }
            let reading = isStopped ? nil : await ask()
            state.withLock { if $0.underWay?.number == number { $0.underWay = nil } }
            return reading
        }
    }

    /// Asks no more.
    func stop() {
        state.withLock { $0.isStopped = true }
    }

    /// Weighs an answer.
    ///
    /// - Returns: what to publish, and after which pause to look again; nil where that can wait.
    func weigh(_ content: DocumentContent, _ reading: ProbeReading) -> (DocumentContent, again: Duration?) {
        let (now, wall) = (clock.now(), clock.unixMilliseconds())
        return state.withLock { state in
            if state.ages.see(content.instances, at: now) { state.pause = Self.firstPause }
            let isYoung = state.ages.anyStarted(
                within: ProbeJudgement.startingTime, at: now, unixMilliseconds: wall)
            let judgement = ProbeJudgement(content, reading, isYoung: isYoung)
            guard !judgement.isSettled else {
                state.pause = Self.firstPause
                return (judgement.content, nil)
            }
            defer { state.pause = min(state.pause * 2, Self.longestPause) }
            return (judgement.content, state.pause)
        }
    }
}
