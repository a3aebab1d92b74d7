import Support
import Synchronization
import Testing

@testable import Agent
@testable import AgentCore

@Suite struct RefresherTests {
    /// A source whose observations end when the test permits it.
    private final class GatedSource: Refreshable {
        let refresher = Refresher(pace: .files, clock: .system)
        private let state = Mutex((begun: 0, running: 0, most: 0))
        private let gate = Mutex<OneTimeResult<Void>?>(nil)

        var begun: Int { state.withLock { $0.begun } }
        var most: Int { state.withLock { $0.most } }

        func close() { gate.withLock { $0 = OneTimeResult() } }
        func open() {
            let taken = gate.withLock { gate in
                defer { gate = nil }
                return gate
            }
            taken?.set(())
        }

        func observe(startedAt: ContinuousClock.Instant) async -> Refresher.Outcome {
            state.withLock {
                $0.begun += 1
                $0.running += 1
                $0.most = max($0.most, $0.running)
            }
            if let gate = gate.withLock({ $0 }) { await gate.value }
            state.withLock { $0.running -= 1 }
            return Refresher.Outcome(succeeded: true, changed: false, eventsAvailable: true)
        }
    }

    private func withSource(_ body: (GatedSource) async throws -> Void) async throws {
        let source = GatedSource()
        let running = Task { await source.refresher.run(source) }
        do {
            try await eventually("the first observation has begun") { source.begun == 1 }
            try await body(source)
        } catch {
            running.cancel()
            throw error
        }
        source.open()
        running.cancel()
        await running.value
    }

    @Test("A thousand requests during an observation cause exactly one more")
    func coalescing() async throws {
        try await withSource { source in
            source.close()
            source.refresher.requestRefresh()
            try await eventually("an observation is in flight") { source.begun == 2 }
            for _ in 0..<1_000 { source.refresher.requestRefresh() }
            #expect(source.begun == 2)
            source.open()
            try await eventually("one more observation has begun") { source.begun == 3 }
            // Any other observation would begin before this one.
            await source.refresh()
            #expect(source.begun <= 4)
            #expect(source.most == 1)
        }
    }

    @Test("A request wakes a sleeping refresher; otherwise it would sleep for ten seconds")
    func woken() async throws {
        try await withSource { source in
            for count in 2...30 {
                let start = ContinuousClock.now
                source.refresher.requestRefresh()
                try await eventually("observation \(count) has begun") { source.begun >= count }
                #expect(ContinuousClock.now - start < .seconds(9))
            }
        }
    }

    @Test("A refresher ends at once when its task is cancelled")
    func cancelled() async throws {
        let source = GatedSource()
        for _ in 0..<20 {
            let running = Task { await source.refresher.run(source) }
            if Bool.random() { await Task.yield() }
            let start = ContinuousClock.now
            running.cancel()
            await running.value
            #expect(ContinuousClock.now - start < .seconds(9))
        }
    }
}
