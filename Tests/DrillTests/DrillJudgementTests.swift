import Shared
import Testing

@testable import Collector
@testable import CollectorFixtures
@testable import Drill
@testable import Reports
@testable import Verdict

/// What the drill makes of what the gate said: with results that are right, and results that differ.
struct DrillJudgementTests {
    /// What the gate said, in short. The host at fault is `host-3`.
    struct Said: Sendable {
        var exitCode: Int32
        var verdict: Verdict
        var status: HostStatus?
        /// Where the report says another exit code than the process.
        var reported: Int32?
        /// How often the host at fault is in the report.
        var times = 1

        static func said(
            _ exitCode: Int32, _ verdict: Verdict, _ status: HostStatus? = nil, reported: Int32? = nil, times: Int = 1
        ) -> Said {
            Said(exitCode: exitCode, verdict: verdict, status: status, reported: reported, times: times)
        }

        func outcome() throws -> DrillOutcome {
            var report = try SampleFleet.report()
            report.exitCode = reported ?? exitCode
            report.verdict = verdict
            report.reasons = [Reason(verdict: verdict, hosts: 1, message: "as the gate says")]
            var faulty = try #require(report.hosts.first)
            report.hosts.removeAll()
            faulty.name = "host-3"
            if let status { faulty.status = status }
            for _ in 0..<times { report.hosts.append(faulty) }
            return DrillOutcome(
                ending: .judged(DrillJudgement(exitCode: exitCode, report: report, faultyName: "host-3")),
                duration: .seconds(1))
        }
    }

    static func made(_ expectation: DrillExpectation) -> DrillCase {
        DrillCase(name: "made-up", fault: "a fault", hosts: [], policy: Policy(), expectation: expectation)
    }

    @Test(
        "What the gate has to say is caught, whatever the verdict",
        arguments: Verdict.allCases.map { ($0, HostStatus.straggler) })
    func right(_ verdict: Verdict, _ status: HostStatus) throws {
        let said = Said.said(verdict.exitCode, verdict, status)
        #expect(Self.made(DrillExpectation(verdict, status)).complaint(about: try said.outcome()) == nil)
        #expect(Self.made(DrillExpectation(verdict)).isCaught(try said.outcome()))
    }

    @Test(
        "What differs is not caught, and the complaint says how",
        arguments: [
            (DrillExpectation(.stragglers, .straggler), Said.said(0, .converged, .converged), "let it pass"),
            (DrillExpectation(.stragglers, .straggler), .said(0, .stragglers, .straggler), "let it pass"),
            (
                DrillExpectation(.converged, .converged), .said(10, .stragglers, .straggler),
                "red although nothing is wrong"
            ),
            (DrillExpectation(.failedDeploy, .failed), .said(10, .stragglers, .failed), "red for another reason"),
            (DrillExpectation(.stragglers, .straggler), .said(1, .stragglers, .straggler), "red for another reason"),
            // One exit code, two verdicts.
            (DrillExpectation(.emptyInventory), .said(50, .inventoryShrunk), "another one"),
            (DrillExpectation(.converged, .converged), .said(0, .convergedTolerated, .converged), "another one"),
            (
                DrillExpectation(.stragglers, .straggler), .said(10, .stragglers, .straggler, reported: 0),
                "ends with 10, and its report says 0"
            ),
            (
                DrillExpectation(.unreachable, .agentError), .said(30, .unreachable, .unreachable),
                "host-3 is called unreachable, not agent_error"
            ),
            (
                DrillExpectation(.stragglers, .straggler), .said(10, .stragglers, .straggler, times: 0),
                "not in the report"
            ),
            (
                DrillExpectation(.stragglers, .straggler), .said(10, .stragglers, .straggler, times: 2),
                "not in the report"
            ),
        ])
    func wrong(_ expectation: DrillExpectation, _ said: Said, _ words: String) throws {
        let complaint = try #require(Self.made(expectation).complaint(about: try said.outcome()))
        #expect(complaint.contains(words), "\(complaint)")
        #expect(!Self.made(expectation).isCaught(try said.outcome()))
    }

    @Test("A gate that comes to no verdict caught nothing, not even where red is expected")
    func broken() throws {
        let outcome = DrillOutcome(ending: .broken("the ledger is gone"), duration: .zero)
        for verdict in Verdict.allCases {
            let complaint = try #require(Self.made(DrillExpectation(verdict)).complaint(about: outcome))
            #expect(complaint.contains("the ledger is gone"))
        }
    }

    @Test("An interrupted verification tells its signal, and no other does")
    func signal() throws {
        #expect(try Said.said(130, .interrupted).outcome().signal == 2)
        #expect(try Said.said(143, .interrupted).outcome().signal == 15)
        #expect(try Said.said(10, .stragglers).outcome().signal == nil)
        #expect(DrillOutcome(ending: .broken("x"), duration: .zero).signal == nil)
    }
}
