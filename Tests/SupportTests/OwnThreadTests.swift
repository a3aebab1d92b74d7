import Dispatch
import Foundation
import Testing

@testable import CollectorSupport

@Suite("A thread of its own")
struct OwnThreadTests {
    @Test("Work that waits holds up no task, however much of it there is")
    func waiting() async {
        let count = min(200, ProcessInfo.processInfo.activeProcessorCount + 16)
        // Only so that the test ends if the work is on the threads of tasks.
        let patience = 20.0
        let gate = DispatchSemaphore(value: 0)
        let started = DispatchSemaphore(value: 0)
        let results = await withTaskGroup(of: Int.self) { group in
            for number in 0..<count {
                group.addTask {
                    await OwnThread.run {
                        started.signal()
                        return gate.wait(timeout: .now() + patience) == .success ? number : -1
                    }
                }
            }
            group.addTask {
                // Opens only once all of the work waits, so that none of it borrows a thread of a task.
                await OwnThread.run { for _ in 0..<count { _ = started.wait(timeout: .now() + patience) } }
                for _ in 0..<count { gate.signal() }
                return count
            }
            return await group.reduce(into: Set<Int>()) { $0.insert($1) }
        }
        #expect(results == Set(0...count))
    }
}
