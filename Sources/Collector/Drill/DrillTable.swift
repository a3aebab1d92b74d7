package import CollectorSupport
import FoundationEssentials
import Reports
import Shared
import Verdict

/// The result of a drill: the expected and the actual verdict of every case.
package struct DrillTable: Sendable {
    struct Row: Sendable {
        let drillCase: DrillCase
        let outcome: DrillOutcome

        var mismatch: String? { drillCase.mismatch(with: outcome) }
    }

    var rows: [Row]
    let duration: Duration

    private var misjudgedRows: [Row] { rows.filter { $0.mismatch != nil } }

    /// The names of the cases that the gate misjudged, in their order.
    package var misjudged: [String] { misjudgedRows.map(\.drillCase.name) }

    /// The error that the drill ends with; nil if the gate judged every case correctly.
    package var failure: DrillError? {
        misjudged.isEmpty ? nil : .misjudged(misjudged, of: rows.count)
    }

    /// - Parameters:
    ///   - isVerbose: shows the gate's reason for every case, not only for misjudged ones.
    ///   - layout: the form of the table.
    package func text(isVerbose: Bool = false, _ layout: TextLayout = .file) -> String {
        var table = TextTable([" ", "FAULT", "EXPECTED", "GOT"])
        for row in rows {
            table.add([row.mismatch == nil ? "✓" : "✗", row.drillCase.fault, row.expected, row.got])
        }
        let cells = table.rowLines(layout)
        var lines = cells.prefix(1).flatMap(\.self)
        for (row, line) in zip(rows, cells.dropFirst()) {
            lines += line
            if let mismatch = row.mismatch { lines.append("   \(row.drillCase.name): \(mismatch)") }
            if isVerbose { lines += row.reasons.map { "   \($0)" } }
        }
        let correct = rows.count - misjudgedRows.count
        lines += ["", "\(correct) of \(rows.count) simulated fleets judged correctly in \(duration.brief)"]
        return lines.joined(separator: "\n") + "\n"
    }

    /// The same as JSON, with everything that `--verbose` shows.
    package func json() throws -> String { try JSONEncoder.prettyText(DrillSummary(self)) }
}

extension DrillTable.Row {
    fileprivate var expected: String {
        "\(drillCase.expectation.exitCode) \(drillCase.expectation.verdict.rawValue)"
    }

    fileprivate var got: String {
        switch outcome.ending {
        case .judged(let judgement): "\(judgement.exitCode) \(judgement.report.verdict.rawValue)"
        case .broken: "no verdict"
        }
    }

    /// The gate's reasons, with the duration of the case.
    fileprivate var reasons: [String] {
        let duration = "(\(outcome.duration.brief))"
        guard case .judged(let judgement) = outcome.ending else { return [duration] }
        let host = judgement.faultyHost.map { ["\($0.name): \($0.status.rawValue), \($0.reason)"] } ?? []
        return ["\(judgement.reason) \(duration)"] + host
    }
}

/// The result of a drill as JSON; keys are snake case.
struct DrillSummary: Encodable {
    static let schema = 1

    struct Judgement: Encodable {
        var verdict: Verdict
        var exitCode: Int32
        /// The status of the faulty host; absent if no host is faulty.
        var status: HostStatus?
        /// The gate's reason; absent in the expectation.
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
        /// Absent if there was no verdict.
        var got: Judgement?
        var caught: Bool
        /// The difference; absent if the verdict is as expected.
        var mismatch: String?
        var seconds: Double

        enum CodingKeys: String, CodingKey {
            case name, fault, expected, got, caught, seconds
            case mismatch = "complaint"
        }
    }

    var schema = DrillSummary.schema
    var caught: Bool
    var seconds: Double
    var cases: [Case]
}

extension DrillSummary {
    init(_ table: DrillTable) {
        caught = table.misjudged.isEmpty
        seconds = table.duration.roundedSeconds
        cases = table.rows.map { row in
            let expectation = row.drillCase.expectation
            var got: Judgement?
            if case .judged(let judgement) = row.outcome.ending {
                got = Judgement(
                    verdict: judgement.report.verdict, exitCode: judgement.exitCode,
                    status: expectation.status.flatMap { _ in judgement.faultyHost?.status }, reason: judgement.reason)
            }
            return Case(
                name: row.drillCase.name, fault: row.drillCase.fault,
                expected: Judgement(
                    verdict: expectation.verdict, exitCode: expectation.exitCode, status: expectation.status),
                got: got, caught: row.mismatch == nil, mismatch: row.mismatch,
                seconds: row.outcome.duration.roundedSeconds)
        }
    }
}
