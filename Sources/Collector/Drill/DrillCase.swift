import Glibc
import Reports
import Shared
import Verdict

/// A simulated fleet, its fault, and the verdict that the gate must reach.
package struct DrillCase: Sendable {
    /// The name in the JSON output and in messages.
    let name: String
    /// The fault, in one clean line, for the table.
    let fault: String
    /// The faulty host is the last one.
    let hosts: [DrillHost]
    let policy: Policy
    /// By commit and digest unless a case sets another one.
    var target = DrillBuild.promoted.target
    var disturbance = Disturbance.none
    let expectation: DrillExpectation

    /// An event beside the hosts.
    enum Disturbance: Hashable, Sendable {
        case none
        /// The inventory lists only the first of the hosts on which the service was verified before.
        case shrunkInventory
        /// A verification of a newer build of the service starts meanwhile.
        case newerPromotion
        /// This process receives the signal meanwhile, so no other case may run at the same time.
        case signal(Int32)

        /// True if the case needs a ledger.
        var needsLedger: Bool {
            switch self {
            case .shrunkInventory, .newerPromotion: true
            case .none, .signal: false
            }
        }
    }

    /// True if no other case may run at the same time.
    var runsAlone: Bool {
        if case .signal = disturbance { true } else { false }
    }

    /// The difference between the outcome and the expectation, in one clean line; nil if they agree.
    func mismatch(with outcome: DrillOutcome) -> String? {
        switch outcome.ending {
        case .broken(let reason): "no verdict: \(reason)"
        case .judged(let judgement): expectation.mismatch(with: judgement)
        }
    }
}

/// The result that `verify` must reach for a simulated fleet.
struct DrillExpectation: Hashable, Sendable {
    let verdict: Verdict
    let exitCode: Int32
    /// The status of the faulty host; nil if no host is faulty.
    let status: HostStatus?

    init(_ verdict: Verdict, _ status: HostStatus? = nil) {
        self.verdict = verdict
        self.status = status
        exitCode = verdict.exitCode
    }

    /// The worst difference, in one clean line; nil if there are no differences.
    func mismatch(with judgement: DrillJudgement) -> String? {
        let report = judgement.report
        if judgement.exitCode != exitCode {
            let difference =
                switch (exitCode, judgement.exitCode) {
                case (_, 0): "the gate let it pass"
                case (0, _): "the gate is red although nothing is wrong"
                default: "red for another reason"
                }
            return "\(difference): \(judgement.reason)"
        }
        if report.exitCode != judgement.exitCode {
            return "the process ends with \(judgement.exitCode), but its report has exit code \(report.exitCode)"
        }
        if report.verdict != verdict { return "the verdict is \(report.verdict.rawValue): \(judgement.reason)" }
        guard let status else { return nil }
        guard let host = judgement.faultyHost else { return "the faulty host is not in the report exactly once" }
        if host.status != status {
            return "\(host.name) has status \(host.status.rawValue), not \(status.rawValue): \(host.reason)"
        }
        return nil
    }
}

/// The outcome of one case.
struct DrillOutcome: Sendable {
    let ending: Ending
    let duration: Duration

    enum Ending: Sendable {
        case judged(DrillJudgement)
        /// There was no verdict; the reason in one clean line.
        case broken(String)
    }

    /// The signal that interrupted the verification; nil if none did.
    var signal: Int32? {
        guard case .judged(let judgement) = ending, judgement.report.verdict == .interrupted else { return nil }
        return judgement.exitCode - 128
    }
}

/// The result of `verify` for a simulated fleet: its exit code, and the report that it wrote.
struct DrillJudgement: Sendable {
    let exitCode: Int32
    let report: Report
    /// nil if no host is faulty.
    let faultyName: String?

    /// The verdict's first reason, in one clean line.
    var reason: String { report.reasons.first.map { Sanitizer.singleLine($0.message) } ?? "no reason given" }

    /// nil unless the report has it exactly once.
    var faultyHost: Report.Host? {
        let found = report.hosts.filter { $0.name == faultyName }
        return found.count == 1 ? found.first : nil
    }
}
