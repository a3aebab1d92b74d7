import Testing

@testable import Operations

@Suite("The signal of changes", .timeLimit(.minutes(1))) struct ChangeSignalTests {
    @Test("A wait ends although its time is over before it begins")
    func short() async {
        let signal = ChangeSignal()
        await withDiscardingTaskGroup { group in
            for _ in 1...2_000 { group.addTask { await signal.wait(after: 0, for: .zero) } }
        }
        #expect(!signal.isAwaited && signal.number == 0)
    }
}
