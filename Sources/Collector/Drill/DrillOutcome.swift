package import Reports
import Shared
import Verdict

/// What became of one case.
package struct DrillOutcome: Sendable {
    package var ending: Ending
    /// How long it took.
    package var duration: Duration

    package enum Ending: Sendable {
        case judged(DrillJudgement)
        /// There was no verdict at all; one clean line on why.
        case broken(String)
    }

    /// The signal that ended the verification; nil where none did.
    package var signal: Int32? {
        guard case .judged(let judgement) = ending, judgement.report.verdict == .interrupted else { return nil }
        return judgement.exitCode - 128
    }
}

/// What `verify` said of a made-up fleet: by its exit code, and in the report that it wrote.
package struct DrillJudgement: Sendable {
    package var exitCode: Int32
    package var report: Report
    /// The name of the host at fault; nil where there is none.
    var faultyName: String?

    /// The verdict's first reason, one clean line.
    package var reason: String { report.reasons.first.map { Sanitizer.singleLine($0.message) } ?? "no reason given" }

    /// nil where the report has it not, or more than once.
    var faultyHost: Report.Host? {
        let found = report.hosts.filter { $0.name == faultyName }
        return found.count == 1 ? found.first : nil
    }
}
