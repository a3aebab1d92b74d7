import CollectorSupport
import Evidence
import Reports
import Shared
import Synchronization
import Verdict

/// Everything that the report of a verification is built from.
struct VerificationOutcome: Sendable {
    let verification: Verification
    var conclusion: Conclusion
    var context: ReportBuilder.Context
    /// The hosts of the report, if they are made already.
    var rows: PreparedRows?

    func report() -> Report {
        ReportBuilder(verification: verification, context: context).build(conclusion, rows?.take())
    }

    /// The outcome with the hash of its evidence; without an evidence file, the outcome as it is.
    func concluding(_ recorder: EvidenceRecorder?) async -> VerificationOutcome {
        guard let recorder else { return self }
        var outcome = self
        do {
            let recorded = try await recorder.conclude(conclusion, notes: context.notes, patience: patience) {
                await EndingSignals.arrival()
            }
            outcome.context.evidence = .init(hash: recorded.hash)
            guard recorded.isStored else {
                return outcome.noting("the disk did not confirm in time that it stored the evidence")
            }
            return outcome
        } catch {
            // The verdict rests on what was seen. The run ends with the exit code of a report that was not written.
            return noting("the evidence of this verification is incomplete: \(error)")
        }
    }

    /// The time that evidence on a slow disk can take after the verdict: what is left until the deadline, up to ten seconds.
    /// An interruption does not wait for long, and neither does the deadline.
    private var patience: Duration {
        let least = Duration.milliseconds(750)
        guard conclusion.verdict != .interrupted else { return least }
        return min(max(verification.policy.timeout - conclusion.at, least), .seconds(10))
    }

    func noting(_ note: String) -> VerificationOutcome {
        var outcome = self
        outcome.context.closingNotes.append(note)
        return outcome
    }
}

/// The hosts of a report, for the first one to be built: a report that changes them must not share them.
final class PreparedRows: Sendable {
    private let rows: Mutex<ReportRows?>

    init(_ rows: ReportRows) { self.rows = Mutex(rows) }

    func take() -> ReportRows? {
        rows.withLock { rows in
            defer { rows = nil }
            return rows
        }
    }
}
