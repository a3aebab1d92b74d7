import Shared
import Testing

@testable import CollectorFixtures
@testable import Drill
@testable import Reports
@testable import Verdict

/// The judgement of the drill on correct and incorrect results of the gate.
struct DrillJudgementTests {
    /// A result of the gate. The faulty host is `host-3`.
    struct Result: Sendable {
        var exitCode: Int32
        var verdict: Verdict
        var status: HostStatus?
        /// The exit code in the report, if it differs from that of the process.
        var reported: Int32?
        /// How often the faulty host is in the report.
        var times = 1

        static func result(
            _ exitCode: Int32, _ verdict: Verdict, _ status: HostStatus? = nil, reported: Int32? = nil, times: Int = 1
        ) -> Result {
            Result(exitCode: exitCode, verdict: verdict, status: status, reported: reported, times: times)
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
        DrillCase(name: "test", fault: "a fault", hosts: [], policy: Policy(), expectation: expectation)
    }

    @Test(
        "The expected result has no mismatch, whatever the verdict",
        arguments: Verdict.allCases.map { ($0, HostStatus.straggler) })
    func right(_ verdict: Verdict, _ status: HostStatus) throws {
        let result = Result.result(verdict.exitCode, verdict, status)
        #expect(Self.made(DrillExpectation(verdict, status)).mismatch(with: try result.outcome()) == nil)
        #expect(Self.made(DrillExpectation(verdict)).mismatch(with: try result.outcome()) == nil)
    }

    @Test(
        "A different result is a mismatch that names the difference",
        arguments: [
            (DrillExpectation(.stragglers, .straggler), Result.result(0, .converged, .converged), "let it pass"),
            (DrillExpectation(.stragglers, .straggler), .result(0, .stragglers, .straggler), "let it pass"),
            (
                DrillExpectation(.converged, .converged), .result(10, .stragglers, .straggler),
                "red although nothing is wrong"
            ),
            (DrillExpectation(.failedDeploy, .failed), .result(10, .stragglers, .failed), "red for another reason"),
            (DrillExpectation(.stragglers, .straggler), .result(1, .stragglers, .straggler), "red for another reason"),
            // One exit code, two verdicts.
            (DrillExpectation(.emptyInventory), .result(50, .inventoryShrunk), "the verdict is inventory_shrunk"),
            (
                DrillExpectation(.converged, .converged), .result(0, .convergedTolerated, .converged),
                "the verdict is converged_tolerated"
            ),
            (
                DrillExpectation(.stragglers, .straggler), .result(10, .stragglers, .straggler, reported: 0),
                "ends with 10, but its report has exit code 0"
            ),
            (
                DrillExpectation(.unreachable, .agentError), .result(30, .unreachable, .unreachable),
                "host-3 has status unreachable, not agent_error"
            ),
            (
                DrillExpectation(.stragglers, .straggler), .result(10, .stragglers, .straggler, times: 0),
                "not in the report"
            ),
            (
                DrillExpectation(.stragglers, .straggler), .result(10, .stragglers, .straggler, times: 2),
                "not in the report"
            ),
        ])
    func wrong(_ expectation: DrillExpectation, _ result: Result, _ words: String) throws {
        let mismatch = try #require(Self.made(expectation).mismatch(with: try result.outcome()))
        #expect(mismatch.contains(words), "\(mismatch)")
    }

    @Test("A missing verdict is a mismatch, even if red is expected")
    func broken() throws {
        let outcome = DrillOutcome(ending: .broken("the ledger is gone"), duration: .zero)
        for verdict in Verdict.allCases {
            let mismatch = try #require(Self.made(DrillExpectation(verdict)).mismatch(with: outcome))
            #expect(mismatch.contains("the ledger is gone"))
        }
    }

    @Test("Only an interrupted verification has a signal")
    func signal() throws {
        #expect(try Result.result(130, .interrupted).outcome().signal == 2)
        #expect(try Result.result(143, .interrupted).outcome().signal == 15)
        #expect(try Result.result(10, .stragglers).outcome().signal == nil)
        #expect(DrillOutcome(ending: .broken("x"), duration: .zero).signal == nil)
    }
}
