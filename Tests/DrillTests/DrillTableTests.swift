import Foundation
import Shared
import Testing

@testable import Drill
@testable import Verdict

struct DrillTableTests {
    /// One case that was caught, one that passed the gate, and one without a verdict.
    private func table() throws -> DrillTable {
        func row(_ name: String, _ expectation: DrillExpectation, _ outcome: DrillOutcome) -> DrillTable.Row {
            DrillTable.Row(
                drillCase: DrillCase(
                    name: name, fault: "fault of \(name)", hosts: [], policy: Policy(), expectation: expectation),
                outcome: outcome)
        }
        let caught = DrillJudgementTests.Result.result(10, .stragglers, .straggler)
        let passed = DrillJudgementTests.Result.result(0, .converged, .converged)
        return DrillTable(
            rows: [
                row("caught", DrillExpectation(.stragglers, .straggler), try caught.outcome()),
                row("passed", DrillExpectation(.failedDeploy, .failed), try passed.outcome()),
                row("broken", DrillExpectation(.unreachable), DrillOutcome(ending: .broken("why"), duration: .zero)),
            ], duration: .milliseconds(1_200))
    }

    @Test("The table has a line for every case, and the mismatch of each misjudged one")
    func text() throws {
        #expect(
            try table().text() == """
                   FAULT            EXPECTED          GOT
                ✓  fault of caught  10 stragglers     10 stragglers
                ✗  fault of passed  20 failed_deploy  0 converged
                   passed: the gate let it pass: as the gate says
                ✗  fault of broken  30 unreachable    no verdict
                   broken: no verdict: why

                1 of 3 simulated fleets judged correctly in 1.2s

                """)
        #expect(try table().misjudged == ["passed", "broken"])
    }

    @Test("With --verbose, every case shows the gate's reason and the faulty host")
    func verbose() throws {
        let lines = try table().text(isVerbose: true).split(separator: "\n")
        #expect(lines.contains("   as the gate says (1.0s)"))
        #expect(lines.contains { $0.hasPrefix("   host-3: straggler, ") })
    }

    @Test("JSON agrees with the table")
    func json() throws {
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(try table().json().utf8)) as? [String: Any])
        #expect(object["schema"] as? Int == 1)
        #expect(object["caught"] as? Bool == false)
        let cases = try #require(object["cases"] as? [[String: Any]])
        #expect(cases.map { $0["name"] as? String } == ["caught", "passed", "broken"])
        #expect(cases.map { $0["caught"] as? Bool } == [true, false, false])
        let got = cases.map { $0["got"] as? [String: Any] }
        #expect(got.map { $0?["exit_code"] as? Int } == [10, 0, nil])
        #expect(got.map { $0?["verdict"] as? String } == ["stragglers", "converged", nil])
        #expect((cases[1]["expected"] as? [String: Any])?["exit_code"] as? Int == 20)
        #expect((cases[2]["complaint"] as? String)?.contains("why") == true)
    }

    @Test("A drill without mismatches has no misjudged case")
    func allCaught() throws {
        var table = try table()
        table.rows.removeLast(2)
        #expect(table.misjudged.isEmpty)
        #expect(try table.json().contains(#""caught" : true"#))
    }
}
