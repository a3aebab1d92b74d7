import Testing
import Verdict

@testable import Operations

@Suite("The pulse of a session")
struct PulseTests {
    @Test(
        "A second without a turn is a suspension, unless the session was busy",
        arguments: [
            (99, 0, false), (999, 0, false), (1_000, 0, true), (34_000, 10, true), (34_000, 1_699, true),
            // A twentieth of the time.
            (34_000, 1_700, false), (3_000, 3_000, false), (3_000, 6_000, false), (3_000, 150, false),
        ])
    func gap(_ milliseconds: Int, _ work: Int, _ isSuspended: Bool) {
        var pulse = Pulse()
        #expect(pulse.beat(at: .seconds(7), workDone: .seconds(2)) == nil)
        let end = Duration.seconds(7) + .milliseconds(milliseconds)
        let suspension = pulse.beat(at: end, workDone: .seconds(2) + .milliseconds(work))
        #expect(suspension == (isSuspended ? Suspension(from: .seconds(7), until: end) : nil))
        #expect(pulse.beat(at: end + .milliseconds(100), workDone: .seconds(9)) == nil)
    }

    @Test("Work uses processor time")
    func processorTime() {
        let before = Pulse.processorTime
        var sum: UInt64 = 0
        while Pulse.processorTime == before { sum &+= 1 }
        #expect(Pulse.processorTime > before)
    }
}
