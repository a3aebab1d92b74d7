import Shared
import Synchronization

/// The probes that belong to looks: begun with a look, weighed against what it saw, published as they end.
final class Probes: Sendable {
    /// So long a look waits for its probes. What takes longer is published later: one service that hangs must not keep
    /// the others of its host from being looked at.
    static let patience = Duration.milliseconds(500)

    private struct State {
        var count = 0
        /// Publishing that is still to come.
        var underWay: [Int: Task<Void, Never>] = [:]
    }

    private let all: [String: ServiceProbe]
    private let publisher: Publisher
    private let state = Mutex(State())

    /// - Parameter services: those with a probe are asked.
    init(_ services: [ServiceDeclaration], client: ProbeClient, clock: Clock, publisher: Publisher) {
        var all: [String: ServiceProbe] = [:]
        for service in services {
            guard let url = service.probe else { continue }
            all[service.name] = ServiceProbe(clock: clock) { await client.ask(url) }
        }
        self.all = all
        self.publisher = publisher
    }

    /// Asks the services, of which a look begins now.
    func begin() -> [String: ServiceProbe.Reading] { all.mapValues { $0.begin() } }

    /// Publishes what a look saw, each service when its probe has ended, and returns when all have or patience is out.
    ///
    /// - Parameters:
    ///   - readings: begun with the look.
    ///   - again: is told after which time to look again.
    /// - Returns: whether anything is published by now that was not before.
    func publish(
        _ contents: [DocumentContent], with readings: [String: ServiceProbe.Reading],
        lookedAt: ContinuousClock.Instant, observedAt: String, again: @escaping @Sendable (Duration) -> Void
    ) async -> Bool {
        let progress = Progress()
        for content in contents {
            guard let probe = all[content.service], let reading = readings[content.service] else {
                if publisher.publish(content, lookedAt: lookedAt, observedAt: observedAt) { progress.change() }
                continue
            }
            progress.begin()
            onceEnded { [publisher] in
                // Nothing was said where nobody was asked any more: what is on the board grows old.
                guard let reading = await reading.value else { return progress.end(changed: false) }
                let (weighed, pause) = probe.weigh(content, reading)
                let changed = publisher.publish(
                    weighed, lookedAt: lookedAt, observedAt: observedAt, probeLatency: reading.latency)
                if let pause { again(pause) }
                progress.end(changed: changed)
            }
        }
        return await progress.wait(Self.patience)
    }

    /// Returns when nothing is to be published any more.
    func settle() async {
        while let task = state.withLock({ $0.underWay.values.first }) { await task.value }
    }

    /// Asks nobody from now on: what they are asked with goes.
    func stop() {
        for probe in all.values { probe.stop() }
    }

    private func onceEnded(_ work: @escaping @Sendable () async -> Void) {
        state.withLock { state in
            state.count += 1
            let number = state.count
            state.underWay[number] = Task.onTaskThread { [self] in
                await work()
                self.state.withLock { _ = $0.underWay.removeValue(forKey: number) }
            }
        }
    }

    /// What of a look is published.
    private final class Progress: Sendable {
        private let state = Mutex((pending: 0, changed: false))
        private let alarm = WakeableSleep()

        func change() { state.withLock { $0.changed = true } }
        func begin() { state.withLock { $0.pending += 1 } }

        func end(changed: Bool) {
            let isLast = state.withLock { state in
                state.pending -= 1
                state.changed = state.changed || changed
                return state.pending == 0
            }
            if isLast { alarm.ring() }
        }

        /// - Returns: whether anything changed.
        func wait(_ limit: Duration) async -> Bool {
            if state.withLock({ $0.pending > 0 }) { await alarm.wait(limit) }
            return state.withLock { $0.changed }
        }
    }
}
