import Glibc
import Shared
import Support
import Synchronization
import Testing

@testable import EndToEndFixtures

@Suite("End to end: killed promotions", .timeLimit(.minutes(10)))
struct KilledPromotionTests {
    @Test(
        "After SIGKILL at any request to the registry, the next run reconciles tag and journal",
        arguments: [false, true])
    func everyStep(isDone: Bool) async throws {
        var requests = 1
        var isKilled = true
        var kinds: Set<String> = []
        while isKilled, requests < 30 {
            let promoter = try await Promoter.make()
            let number = requests
            let pid = Box()
            promoter.registry.behave { _, now in
                guard now == number else { return .honest }
                guard isDone else {
                    pid.kill()
                    return .instead(.hang)
                }
                return .honestThen { pid.kill() }
            }
            let running = try promoter.start()
            pid.set(running.processID)
            let outcome = try await running.wait()
            isKilled = outcome.exitCode != 0
            let left = try await promoter.journal()
            let tag = promoter.registry.tag("latest")
            #expect(left.count <= 1)
            if isKilled {
                // A moved tag always has a journal entry that is moved or open.
                if tag == promoter.new.digest { #expect(left.count == 1, "request \(number)") }
                if left.isEmpty { #expect(tag == promoter.old.digest, "request \(number)") }
                kinds.insert(left.first?.split(separator: " ").dropFirst().first.map(String.init) ?? "none")
            }
            promoter.registry.behave { _, _ in .honest }
            let second = try await promoter.run()
            #expect(second.exitCode == 0, "request \(number): \(second.error)")
            #expect(promoter.registry.tag("latest") == promoter.new.digest)
            if left.first?.contains("intended") == true {
                let message =
                    tag == promoter.new.digest ? "interrupted after it had moved" : "interrupted before it moved"
                #expect(second.error.contains(message), "request \(number): \(second.error)")
            }
            #expect(try await promoter.journal().allSatisfy { !$0.contains("intended") })
            #expect(try await promoter.promotions() == ["1 \(promoter.short(promoter.new))"])
            await promoter.stop()
            requests += 1
        }
        // The loop ended with an uninterrupted run, and had passed the decisive moments.
        #expect(!isKilled)
        #expect(requests > 6)
        #expect(kinds.isSuperset(of: ["none", "intended"]))
    }

    private final class Box: Sendable {
        private let pid = Mutex<pid_t?>(nil)
        func set(_ number: pid_t) { pid.withLock { $0 = number } }
        func kill() {
            while true {
                if let number = pid.withLock({ $0 }) {
                    Glibc.kill(number, SIGKILL)
                    return
                }
                usleep(1_000)
            }
        }
    }
}
