import Support
import Synchronization
import Testing

@testable import Agent

@Suite struct RefresherTests {
    /// Looks that end when they are let.
    private final class Looks: Sendable {
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

        func make() async -> Refresher.Outcome {
            state.withLock {
                $0.begun += 1
                $0.running += 1
                $0.most = max($0.most, $0.running)
            }
            if let gate = gate.withLock({ $0 }) { await gate.value }
            state.withLock { $0.running -= 1 }
            return Refresher.Outcome(succeeded: true, changed: false, isFollowed: true)
        }
    }

    private func withLooker(_ body: (Refresher, Looks) async throws -> Void) async throws {
        let looks = Looks()
        let looker = Refresher(pace: .files, clock: .system) { _, _ in await looks.make() }
        let running = Task { await looker.run() }
        do {
            try await eventually("the first look") { looks.begun == 1 }
            try await body(looker, looks)
        } catch {
            running.cancel()
            throw error
        }
        looks.open()
        running.cancel()
        await running.value
    }

    @Test("Told a thousand times during a look, it looks exactly once more")
    func coalescing() async throws {
        try await withLooker { looker, looks in
            looks.close()
            looker.told()
            try await eventually("a look is under way") { looks.begun == 2 }
            for _ in 0..<1_000 { looker.told() }
            #expect(looks.begun == 2)
            looks.open()
            try await eventually("one more look") { looks.begun == 3 }
            // Whatever else were to come, would come before this one's turn.
            await looker.look()
            #expect(looks.begun <= 4)
            #expect(looks.most == 1)
        }
    }

    @Test("Told while it sleeps, it wakes: a lost call would be noticed ten seconds later")
    func woken() async throws {
        try await withLooker { looker, looks in
            for count in 2...30 {
                let start = ContinuousClock.now
                looker.told()
                try await eventually("look \(count)") { looks.begun >= count }
                #expect(ContinuousClock.now - start < .seconds(9))
            }
        }
    }

    @Test("It ends when its task is cancelled, at once")
    func cancelled() async throws {
        let looks = Looks()
        let looker = Refresher(pace: .files, clock: .system) { _, _ in await looks.make() }
        for _ in 0..<20 {
            let running = Task { await looker.run() }
            if Bool.random() { await Task.yield() }
            let start = ContinuousClock.now
            running.cancel()
            await running.value
            #expect(ContinuousClock.now - start < .seconds(9))
        }
    }
}
