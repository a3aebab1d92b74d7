import FoundationEssentials
import Reports
import Shared
import Verdict

/// What came of a drill: for every case what the gate had to say, and what it said.
package struct DrillTable: Sendable {
    package struct Row: Sendable {
        package let drilled: DrillCase
        package let outcome: DrillOutcome

        package init(drilled: DrillCase, outcome: DrillOutcome) {
            self.drilled = drilled
            self.outcome = outcome
        }

        var complaint: String? { drilled.complaint(about: outcome) }
    }

    package var rows: [Row]
    /// How long the drill took.
    package var duration: Duration

    /// The cases that the gate judged wrongly, in their order.
    package var misjudged: [Row] { rows.filter { $0.complaint != nil } }

    /// - Parameter isVerbose: whether every case's reason is shown, and not only where the gate failed.
    package func text(isVerbose: Bool = false) -> String {
        let cells = [["FAULT", "EXPECTED", "GOT"]] + rows.map { [$0.drilled.fault, $0.expected, $0.got] }
        let widths = (0..<2).map { column in cells.map { $0[column].count }.max() ?? 0 }
        func line(_ mark: String, _ cells: [String]) -> String {
            let padded = zip(cells, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            return ([mark] + padded + [cells[2]]).joined(separator: "  ")
        }
        var lines = [line(" ", cells[0])]
        for (row, cells) in zip(rows, cells.dropFirst()) {
            let complaint = row.complaint
            lines.append(line(complaint == nil ? "✓" : "✗", cells))
            if let complaint { lines.append("   \(row.drilled.name): \(complaint)") }
            if isVerbose { lines += row.reasons.map { "   \($0)" } }
        }
        let judged = rows.count - misjudged.count
        lines += ["", "\(judged) of \(rows.count) made-up fleets were judged as they had to be, in \(duration.brief)"]
        return lines.joined(separator: "\n") + "\n"
    }

    /// The same as JSON, with everything that `--verbose` shows.
    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(DrillSummary(self)), as: UTF8.self) + "\n"
    }
}

extension DrillTable.Row {
    fileprivate var expected: String {
        "\(drilled.expectation.exitCode) \(drilled.expectation.verdict.rawValue)"
    }

    fileprivate var got: String {
        switch outcome.ending {
        case .judged(let judgement): "\(judgement.exitCode) \(judgement.report.verdict.rawValue)"
        case .broken: "no verdict"
        }
    }

    /// What the gate gave as its reasons, and how long it took.
    fileprivate var reasons: [String] {
        let took = "(\(outcome.duration.brief))"
        guard case .judged(let judgement) = outcome.ending else { return [took] }
        let host = judgement.faultyHost.map { ["\($0.name): \($0.status.rawValue), \($0.reason)"] } ?? []
        return ["\(judgement.reason) \(took)"] + host
    }
}
