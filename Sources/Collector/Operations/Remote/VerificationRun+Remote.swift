import CollectorSupport
import Inventory
import Logging
import Reports
import Shared
import Verdict

/// A verification that a service may run.
extension VerificationRun {
    /// What the verification would do, for dry runs.
    var plan: String {
        remote.map { "verify through \($0.place)" } ?? "verify \(inventory.hosts.count.hostCount)"
    }

    /// Requires that the verification would start, before anything is changed that only it can prove.
    ///
    /// - Throws: ``PromotionError/inventory(_:)``, or ``ServiceError``.
    func requireStart() async throws {
        if let remote { try await remote.check(target, of: change, announce: announce) }
        if let refusal = try await refusal().0, refusal.exitCode != 0 { throw PromotionError.inventory(refusal) }
    }

    /// Writes a sentence to the plain progress. The live one would be drawn over it.
    private var announce: @Sendable (String) -> Void {
        { [terminal, isPlain = progress.style(on: terminal, environment: environment) == .plain] sentence in
            if isPlain { terminal.write("\(Sanitizer.singleLine(sentence, limit: 512))\n") }
        }
    }

    /// Follows the verification of a service.
    func follow(_ remote: RemoteVerification, _ signals: SessionWatch) async throws -> VerificationOutcome {
        logger.info("Verifying", metadata: ["server": "\(remote.place)"])
        let observers = [progress.observer(on: terminal, environment: environment), observer].compactMap { $0 }
        var outcome = try await grouping("through \(remote.place)") {
            try await remote.outcome(
                for: target, of: change, observers: observers, signals: signals, evidence: evidence,
                announce: announce)
        }
        outcome.context.origin = origin(at: outcome.context.startedAt)
        if outcome.conclusion.exitCode == ExitStatus.success.rawValue, let tag, let digest = target.digest,
            let reason = await tag.objection(promoted: digest, logger: logger)
        {
            // The service does not watch the tag.
            outcome.conclusion.verdict = reason.verdict
            outcome.conclusion.exitCode = reason.verdict.exitCode
            outcome.conclusion.reasons = [reason]
        }
        let isPutBack = outcome.conclusion.reasons.contains { $0.code == .tagPutBack }
        if acceptsSuccessor, outcome.conclusion.verdict == .superseded, !isPutBack {
            outcome.conclusion.exitCode = ExitStatus.success.rawValue
        }
        return outcome
    }
}
