import FoundationEssentials
import GRDB
package import Reports
import Shared
import Verdict

extension Ledger {
    /// Records the start of a verification, and its target as the service's next promotion if it is a new one.
    ///
    /// ``PromotionRule`` defines what is new. If the verification knows more of a recorded promotion than the ledger (a digest
    /// beside the commit), the promotion is completed.
    package func begin(
        _ run: VerificationRecord, process: ProcessIdentity = .current()
    ) async throws(LedgerError) -> VerificationRecord.Start {
        try await write { db in
            try Self.requireSpelling(run.target.deployed, db)
            let generation = try Self.recordPromotion(run, db)
            var target = run.target
            target.generation = generation
            let verification = try Self.insertVerification(run, target: target, process: process, db)
            var writer = HostWriter(verification: verification, db)
            try writer.insert(run.hosts)
            return VerificationRecord.Start(
                verification: verification, generation: generation,
                promotions: try Self.promotions(of: target.deployed, db))
        }
    }

    /// Adds transitions as they happen, in one transaction that reaches the disk.
    func append(_ transitions: [RecordedTransition], to verification: Int64) async throws(LedgerError) {
        guard !transitions.isEmpty else { return }
        try await write { db in
            var writer = try TransitionWriter(verification: verification, db)
            for transition in transitions { try writer.write(transition) }
        }
    }

    /// Records the end of a verification: the whole report. The report of a refused inventory, whose verification never began,
    /// is kept without a generation: it is not a promotion, and later inventories are not compared with it.
    package func finish(_ report: Report, process: ProcessIdentity = .current()) async throws(LedgerError) {
        try await write { db in
            let known = try Int64.fetchOne(
                db, sql: "SELECT number FROM verifications WHERE id = ?", arguments: [report.verification.id])
            var target = report.target
            if report.verdict.isRefusal { target.generation = nil }
            let verification =
                try known ?? Self.insertVerification(VerificationRecord(report), target: target, process: process, db)
            try Self.finishVerification(verification, report, db)
            var writer = HostWriter(verification: verification, db)
            try writer.finish(report.hosts)
        }
    }

    /// Records the whole report of a verification that a service ran, so that its target counts as proven here, too. It makes no
    /// promotion.
    ///
    /// A verification that another process has recorded stays as it is: this ledger is the service's.
    ///
    /// - Parameter report: its generation is this ledger's; nil for that of the last promotion, if it is of the same target.
    package func adopt(_ report: Report, process: ProcessIdentity = .current()) async throws(LedgerError) {
        try await write { db in
            let known = try Row.fetchOne(
                db,
                sql: "SELECT number, pid, process_start, pid_namespace, boot FROM verifications WHERE id = ?",
                arguments: [report.verification.id])
            if let known, ProcessIdentity(known) != process { return }
            var report = report
            if report.hosts.isEmpty || report.verdict.isRefusal {
                report.target.generation = nil
            } else if report.target.generation == nil {
                let last = try Self.promotions(of: report.target.deployed, limit: 1, db).last
                let rule = PromotionRule(gitSHA: report.target.gitSHA, digest: report.target.digest)
                report.target.generation = last.flatMap { rule.isSame(as: $0) ? $0.generation : nil }
            }
            let number: Int64? = known?["number"]
            let verification =
                try number
                ?? Self.insertVerification(VerificationRecord(report), target: report.target, process: process, db)
            var writer = HostWriter(verification: verification, db)
            try Self.finishVerification(verification, report, db)
            try writer.finish(report.hosts)
        }
    }

    // MARK: - Promotions

    /// Refuses an environment that differs from a known one only in the case of its letters. Environments are case-insensitive
    /// on GitHub, and a second history would hide a newer promotion.
    static func requireSpelling(_ service: DeployedService, _ db: Database) throws {
        let known = try String.fetchOne(
            db,
            sql: """
                SELECT environment FROM promotions
                WHERE service_name = ? AND environment != ? AND lower(environment) = lower(?) LIMIT 1
                """,
            arguments: [service.name, service.environment.description, service.environment.description])
        guard let known, let other = EnvironmentName(known) else { return }
        throw LedgerError.otherSpelling(service, known: other)
    }

    private static func recordPromotion(_ run: VerificationRecord, _ db: Database) throws -> Int {
        let target = run.target
        let rule = PromotionRule(gitSHA: target.gitSHA, digest: target.digest)
        if let stated = target.generation {
            let known = try promotion(stated, of: target.deployed, db)
            guard let known, rule.isSame(as: known) else {
                throw LedgerError.otherPromotion(stated, service: target.deployed, isKnown: known != nil)
            }
            try complete(known, with: target, db)
            return stated
        }
        let last = try promotions(of: target.deployed, limit: 1, db).last
        if let last, rule.isSame(as: last) {
            try complete(last, with: target, db)
            return last.generation
        }
        let generation = (last?.generation ?? 0) + 1
        try db.execute(
            sql: """
                INSERT INTO promotions (service, generation, git_sha, digest, at, verification)
                VALUES (?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                target.deployed.ledgerKey, generation, target.gitSHA?.hex, target.digest?.description, run.startedAt,
                run.id,
            ])
        return generation
    }

    /// Completes a promotion with values that only the target has.
    private static func complete(_ known: Promotion, with target: Report.PromotedTarget, _ db: Database) throws {
        let knowsMore = (known.gitSHA == nil && target.gitSHA != nil) || (known.digest == nil && target.digest != nil)
        guard knowsMore else { return }
        try db.execute(
            sql: """
                UPDATE promotions SET git_sha = coalesce(git_sha, ?), digest = coalesce(digest, ?)
                WHERE service = ? AND generation = ?
                """,
            arguments: [target.gitSHA?.hex, target.digest?.description, target.deployed.ledgerKey, known.generation])
    }

    // MARK: - Verifications

    private static func insertVerification(
        _ run: VerificationRecord, target: Report.PromotedTarget, process: ProcessIdentity, _ db: Database
    ) throws -> Int64 {
        try db.execute(
            sql: """
                INSERT INTO verifications (
                    id, service, generation, git_sha, digest, started_at, state, inventory_hash, listed, expected,
                    collector, timeout, pid, process_start, pid_namespace, boot, target, policy, inventory)
                VALUES (?, ?, ?, ?, ?, ?, 'running', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                run.id, target.deployed.ledgerKey, target.generation, target.gitSHA?.hex, target.digest?.description,
                run.startedAt, run.inventory.hash, run.inventory.total, run.hosts.count { !$0.isWaived },
                run.collectorVersion, run.policy.timeoutSeconds, process.pid, process.start.map { Int64(clamping: $0) },
                process.namespace, process.boot, try LedgerCoding.encode(target), try LedgerCoding.encode(run.policy),
                try LedgerCoding.encode(run.inventory),
            ])
        return db.lastInsertedRowID
    }

    private static func finishVerification(_ verification: Int64, _ report: Report, _ db: Database) throws {
        let summary = report.summary
        let outcome = StoredOutcome(
            reasons: report.reasons, warnings: report.warnings, summary: summary,
            durationSeconds: report.verification.durationSeconds, successor: report.successor,
            promotion: report.promotion, origin: report.origin)
        try db.execute(
            sql: """
                UPDATE verifications SET
                    state = 'finished', finished_at = ?, verdict = ?, exit_code = ?, expected = ?, proven = ?,
                    p50 = ?, p95 = ?, max = ?, started_at = ?, collector = ?, listed = ?, inventory_hash = ?,
                    target = ?, policy = ?, inventory = ?, outcome = ?, evidence = ?
                WHERE number = ?
                """,
            arguments: [
                report.verification.finishedAt, report.verdict.rawValue, report.exitCode, summary.expected,
                summary.proven, summary.secondsToConverge?.p50, summary.secondsToConverge?.p95,
                summary.secondsToConverge?.max, report.verification.startedAt, report.verification.collector.version,
                report.inventory.total, report.inventory.hash, try LedgerCoding.encode(report.target),
                try LedgerCoding.encode(report.policy), try LedgerCoding.encode(report.inventory),
                try LedgerCoding.encode(outcome), report.evidence?.hash, verification,
            ])
    }
}
