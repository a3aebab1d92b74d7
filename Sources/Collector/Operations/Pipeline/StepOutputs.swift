import Reports
import Shared
import Verdict

/// A report as the outputs of a pipeline's step, for later steps and jobs.
///
/// | name | value |
/// |---|---|
/// | `verdict` | as in the report |
/// | `exit_code` | as in the report |
/// | `verification` | the report's id, for `report ID` |
/// | `expected` | hosts in the gate |
/// | `proven` | hosts proven to serve the target |
/// | `failed` | crash loop, unhealthy, exited, wrong image |
/// | `rolled_back` | matched the target, then went back |
/// | `unreachable` | no usable answer: `unreachable`, `agent_error`, `unverifiable`, `missing` |
/// | `stragglers` | not on target yet: `straggler`, `pending`, `starting`, `soaking`, `flapping`, `mixed` |
/// | `not_asked` | only if the run was interrupted before they were asked |
/// | `ahead` | serve a later promotion |
/// | `conflict` | another host answered |
/// | `waived` | excluded from the gate and from the counts above |
///
/// The counts from `proven` to `conflict`, with `not_asked`, add up to `expected`.
struct StepOutputs {
    let report: Report

    /// `name=value`, one per line. Only the program's own words and numbers, so that no value can contain a newline or another
    /// output.
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

    /// The letters, digits and hyphens of an id; anything else is dropped.
    private static func word(_ id: String) -> String {
        id.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
    }
}
