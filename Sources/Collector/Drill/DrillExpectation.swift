import Reports
import Shared
import Verdict

/// What `verify` has to make of a made-up fleet.
package struct DrillExpectation: Hashable, Sendable {
    var verdict: Verdict
    var exitCode: Int32
    /// Of the case's last host; nil where no host is at fault.
    var status: HostStatus?

    /// - Parameter status: of the case's last host.
    init(_ verdict: Verdict, _ status: HostStatus? = nil) {
        self.verdict = verdict
        self.status = status
        exitCode = verdict.exitCode
    }

    /// What differs, the worst first, in one clean line; nil where nothing does.
    func complaint(about judgement: DrillJudgement) -> String? {
        let report = judgement.report
        if judgement.exitCode != exitCode {
            let what =
                switch (exitCode, judgement.exitCode) {
                case (_, 0): "the gate let it pass"
                case (0, _): "the gate is red although nothing is wrong"
                default: "red for another reason"
                }
            return "\(what): \(judgement.reason)"
        }
        if report.exitCode != judgement.exitCode {
            return "the process ends with \(judgement.exitCode), and its report says \(report.exitCode)"
        }
        if report.verdict != verdict { return "the verdict is another one: \(judgement.reason)" }
        guard let status else { return nil }
        guard let host = judgement.faultyHost else { return "the host at fault is not in the report once" }
        if host.status != status {
            return "\(host.name) is called \(host.status.rawValue), not \(status.rawValue): \(host.reason)"
        }
        return nil
    }
}
