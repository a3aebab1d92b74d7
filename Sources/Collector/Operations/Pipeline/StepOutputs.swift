import Reports
import Shared
import Verdict

/// A report as the outputs of a pipeline's step, for the steps and jobs after it to decide by.
///
/// | name | value |
/// |---|---|
/// | `verdict` | as in the report |
/// | `exit_code` | as in the report |
/// | `verification` | the report's id, for `report ID` |
/// | `expected` | hosts that the gate is about |
/// | `proven` | of these, proven to serve the target |
/// | `failed` | crash loops, unhealthy, exited, wrong image |
/// | `rolled_back` | matched, then went back |
/// | `unreachable` | gave no usable answer: `unreachable`, `agent_error`, `unverifiable`, `missing` |
/// | `stragglers` | not there yet: `straggler`, `pending`, `starting`, `soaking`, `flapping`, `mixed` |
/// | `not_asked` | only where the run was interrupted before they were asked |
/// | `ahead` | serve a later promotion |
/// | `conflict` | another host answered |
/// | `waived` | left out of the gate, and of the counts above |
///
/// From `proven` to `conflict`, with `not_asked`, they add up to `expected`.
struct StepOutputs {
    let report: Report

    /// `name=value`, a line each. Words of ours and numbers, so that no value can hold a newline or open another output.
    var text: String {
        var counts = report.gatedCounts
        let unasked = report.unasked
        counts[.behind, default: 0] -= unasked
        let classes: [(String, HostStatus.Category)] = [
            ("proven", .proven), ("failed", .failed), ("rolled_back", .rolledBack), ("unreachable", .unproven),
            ("stragglers", .behind), ("ahead", .ahead), ("conflict", .conflict),
        ]
        let lines: [(String, String)] =
            [
                ("verdict", report.verdict.rawValue), ("exit_code", "\(report.exitCode)"),
                ("verification", Self.word(report.verification.id)), ("expected", "\(report.summary.expected)"),
            ] + classes.map { ($0, "\(counts[$1, default: 0])") } + (unasked > 0 ? [("not_asked", "\(unasked)")] : [])
            + [("waived", "\(report.summary.waived)")]
        return lines.map { "\($0)=\($1)\n" }.joined()
    }

    /// Ids are made here, of letters, digits and hyphens; what is none is not passed on.
    private static func word(_ id: String) -> String {
        id.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
    }
}
