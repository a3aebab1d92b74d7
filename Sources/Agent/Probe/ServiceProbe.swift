import AgentCore
import Shared
import Synchronization

/// The probe of one service: at most one request at a time, repeated soon while the answer contradicts the service's source.
final class ServiceProbe: Sendable {
    /// The result of one request; nil if it was not sent because the agent is stopping.
    typealias Reading = Task<ProbeReading?, Never>

    private struct Request {
        var number: Int
        var task: Reading
    }

    private struct State {
        var lastNumber = 0
        var inFlight: Request?
        /// The next request, which is sent when the one in flight has ended. All callers in the meantime share it.
        var waiting: Request?
        var ages = InstanceAges()
        var isStopped = false
        var pause = ServiceProbe.firstPause
    }

    /// The first pause before another refresh of a service that contradicts its source. It doubles each time.
    static let firstPause = Duration.milliseconds(250)
    /// The maximum pause.
    static let longestPause = Duration.seconds(2)

    private let clock: Clock
    private let ask: @Sendable () async -> ProbeReading
    private let state = Mutex(State())

    init(clock: Clock, ask: @escaping @Sendable () async -> ProbeReading) {
        self.clock = clock
        self.ask = ask
    }

    /// Returns the answer to a request that is sent now or later, so that it is as fresh as an observation that begins now.
    func begin() -> Reading {
        state.withLock { state in
            if let waiting = state.waiting { return waiting.task }
            state.lastNumber += 1
            let request = Request(
                number: state.lastNumber, task: start(state.lastNumber, after: state.inFlight?.task))
            if state.inFlight == nil { state.inFlight = request } else { state.waiting = request }
            return request.task
        }
    }

    private func start(_ number: Int, after other: Reading?) -> Reading {
        Task.onTaskThread { [self] in
            if let other { _ = await other.value }
            let isStopped = state.withLock { state in
                if let request = state.waiting, request.number == number {
                    state.inFlight = request
                    state.waiting = nil
                }
                return state.isStopped
            }
            let reading = isStopped ? nil : await ask()
            state.withLock { if $0.inFlight?.number == number { $0.inFlight = nil } }
            return reading
        }
    }

    /// Sends no more requests.
    func stop() {
        state.withLock { $0.isStopped = true }
    }

    /// Combines the source's content with the service's answer.
    ///
    /// - Returns: the content to publish, and the pause before the next refresh; nil if the regular refresh is enough.
    func judge(_ content: DocumentContent, _ reading: ProbeReading) -> (DocumentContent, retryAfter: Duration?) {
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

/// The probes of a source's services: sent with each observation, and published as they end.
final class ServiceProbes: Sendable {
    /// The time that an observation waits for its probes. Later answers are published later: a service that hangs must not
    /// delay the other services of its host.
    static let patience = Duration.milliseconds(500)

    private struct State {
        var lastNumber = 0
        /// The pending publications by number.
        var pending: [Int: Task<Void, Never>] = [:]
    }

    private let probes: [String: ServiceProbe]
    private let publisher: Publisher
    private let state = Mutex(State())

    /// - Parameter services: all services of the source, with and without a probe.
    init(_ services: [ServiceDeclaration], client: ProbeClient, clock: Clock, publisher: Publisher) {
        var probes: [String: ServiceProbe] = [:]
        for service in services {
            guard let url = service.probe else { continue }
            probes[service.name] = ServiceProbe(clock: clock) { await client.ask(url) }
        }
        self.probes = probes
        self.publisher = publisher
    }

    /// Sends the probes of an observation that begins now.
    func begin() -> [String: ServiceProbe.Reading] { probes.mapValues { $0.begin() } }

    /// Publishes the contents of an observation, each when its probe has ended. Returns when all have, or after
    /// ``patience``.
    ///
    /// - Parameters:
    ///   - readings: the requests that began with the observation.
    ///   - retry: called with the pause before the next refresh.
    /// - Returns: true if a published content has changed.
    func publish(
        _ contents: [DocumentContent], with readings: [String: ServiceProbe.Reading],
        startedAt: ContinuousClock.Instant, observedAt: String, retry: @escaping @Sendable (Duration) -> Void
    ) async -> Bool {
        let progress = Progress()
        for content in contents {
            guard let probe = probes[content.service], let reading = readings[content.service] else {
                if publisher.publish(content, startedAt: startedAt, observedAt: observedAt) { progress.change() }
                continue
            }
            progress.begin()
            runInBackground { [publisher] in
                // If no request was sent, nothing is published, and the previous document ages.
                guard let reading = await reading.value else { return progress.end(changed: false) }
                let (judged, pause) = probe.judge(content, reading)
                let changed = publisher.publish(
                    judged, startedAt: startedAt, observedAt: observedAt, probeLatency: reading.latency)
                if let pause { retry(pause) }
                progress.end(changed: changed)
            }
        }
        return await progress.wait(Self.patience)
    }

    /// Returns when all publications have ended.
    func settle() async {
        while let task = state.withLock({ $0.pending.values.first }) { await task.value }
    }

    /// Sends no more probes.
    func stop() {
        for probe in probes.values { probe.stop() }
    }

    private func runInBackground(_ work: @escaping @Sendable () async -> Void) {
        state.withLock { state in
            state.lastNumber += 1
            let number = state.lastNumber
            state.pending[number] = Task.onTaskThread { [self] in
                await work()
                self.state.withLock { _ = $0.pending.removeValue(forKey: number) }
            }
        }
    }

    /// The publications of one observation.
    private final class Progress: Sendable {
        private let state = Mutex((pending: 0, changed: false))
        private let done = WakeableSleep()

        func change() { state.withLock { $0.changed = true } }
        func begin() { state.withLock { $0.pending += 1 } }

        func end(changed: Bool) {
            let isLast = state.withLock { state in
                state.pending -= 1
                state.changed = state.changed || changed
                return state.pending == 0
            }
            if isLast { done.ring() }
        }

        /// - Returns: true if a content has changed.
        func wait(_ limit: Duration) async -> Bool {
            if state.withLock({ $0.pending > 0 }) { await done.wait(limit) }
            return state.withLock { $0.changed }
        }
    }
}
