import Reports
import Shared
import Verdict

/// A drill's result as JSON; field names are snake case.
struct DrillSummary: Encodable {
    static let schema = 1

    struct Judgement: Encodable {
        var verdict: Verdict
        var exitCode: Int32
        /// Of the host at fault; absent where there is none.
        var status: HostStatus?
        /// The gate's; absent in what was expected.
        var reason: String?

        enum CodingKeys: String, CodingKey {
            case verdict, status, reason
            case exitCode = "exit_code"
        }
    }

    struct Case: Encodable {
        var name: String
        var fault: String
        var expected: Judgement
        /// Absent where there was no verdict.
        var got: Judgement?
        var caught: Bool
        /// What is wrong with the gate; absent where nothing is.
        var complaint: String?
        var seconds: Double
    }

    var schema = DrillSummary.schema
    var caught: Bool
    var seconds: Double
    var cases: [Case]
}

extension DrillSummary {
    init(_ table: DrillTable) {
        caught = table.misjudged.isEmpty
        seconds = Self.rounded(table.duration)
        cases = table.rows.map { row in
            let expectation = row.drilled.expectation
            var got: Judgement?
            if case .judged(let judgement) = row.outcome.ending {
                got = Judgement(
                    verdict: judgement.report.verdict, exitCode: judgement.exitCode,
                    status: expectation.status.flatMap { _ in judgement.faultyHost?.status }, reason: judgement.reason)
            }
            return Case(
                name: row.drilled.name, fault: row.drilled.fault,
                expected: Judgement(
                    verdict: expectation.verdict, exitCode: expectation.exitCode, status: expectation.status),
                got: got, caught: row.complaint == nil, complaint: row.complaint,
                seconds: Self.rounded(row.outcome.duration))
        }
    }

    /// To the millisecond.
    private static func rounded(_ duration: Duration) -> Double { (duration.seconds * 1_000).rounded() / 1_000 }
}
