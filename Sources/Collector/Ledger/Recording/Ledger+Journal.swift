import CollectorSupport
package import FoundationEssentials
import GRDB
import Shared
package import Verdict

extension Ledger {
    /// The result of ``intend(_:process:)``.
    package enum Intention: Hashable, Sendable {
        case recorded(JournalEntry)
        /// Another change of the same tag is in progress, or was interrupted, and must be settled first.
        case underWay(JournalEntry, ProcessIdentity.Presence)
    }

    /// Records that a tag is about to be moved. No other process that shares the ledger moves the tag until
    /// ``settle(_:as:at:reason:)``.
    package func intend(
        _ intent: JournalEntry.Intent, process: ProcessIdentity = .current()
    ) async throws(LedgerError) -> Intention {
        try await write { db in
            if let found = try Self.unsettled(repository: intent.repository, tag: intent.tag, process, db) {
                return .underWay(found.entry, found.presence)
            }
            try Self.requireSpelling(intent.service, db)
            let generation = try Self.generation(for: intent, db)
            try db.execute(
                sql: """
                    INSERT INTO journal (
                        id, kind, service, repository, tag, source, git_sha, digest, former_digest, former_git_sha,
                        generation, actor, contexts, permission, intended_at, state, pid, process_start, pid_namespace,
                        boot)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'intended', ?, ?, ?, ?)
                    """,
                arguments: [
                    intent.id, intent.kind.rawValue, intent.service.ledgerKey, intent.repository, intent.tag,
                    intent.source,
                    intent.gitSHA?.hex, intent.digest.description, intent.formerDigest?.description,
                    intent.formerGitSHA?.hex, generation.number, intent.actor, try LedgerCoding.encode(intent.contexts),
                    intent.permission, intent.intendedAt, process.pid, process.start.map { Int64(clamping: $0) },
                    process.namespace, process.boot,
                ])
            return .recorded(
                JournalEntry(
                    number: db.lastInsertedRowID, intent: intent, generation: generation.number, state: .intended))
        }
    }

    /// Records the outcome of a change. If the tag was moved, the change becomes a promotion in the same transaction.
    ///
    /// - Parameter reason: the reason if the tag was not simply moved, one line.
    /// - Returns: the current entry, unchanged if another process has settled it meanwhile.
    package func settle(
        _ entry: JournalEntry, as state: JournalEntry.State, at moment: Date, reason: String? = nil
    ) async throws(LedgerError) -> JournalEntry {
        try await write { db in
            guard let known = try Self.entry(entry.number, db), known.state == .intended else {
                return try Self.entry(entry.number, db) ?? entry
            }
            var settled = known
            settled.state = state
            settled.settledAt = moment.rfc3339
            settled.reason = reason
            if state == .moved {
                let generation = try Self.generation(for: known.intent, db)
                settled.generation = generation.number
                if generation.isNew {
                    try db.execute(
                        sql: """
                            INSERT INTO promotions (service, generation, git_sha, digest, at, verification)
                            VALUES (?, ?, ?, ?, ?, ?)
                            """,
                        arguments: [
                            known.intent.service.ledgerKey, generation.number, known.intent.gitSHA?.hex,
                            known.intent.digest.description, settled.settledAt, known.intent.id,
                        ])
                }
            }
            try db.execute(
                sql: "UPDATE journal SET state = ?, settled_at = ?, reason = ?, generation = ? WHERE number = ?",
                arguments: [state.rawValue, settled.settledAt, reason, settled.generation, known.number])
            return settled
        }
    }

    /// Records the reason why a change stays open.
    ///
    /// - Parameter reason: one line.
    package func note(_ reason: String, on entry: JournalEntry) async throws(LedgerError) {
        try await write { db in
            try db.execute(
                sql: "UPDATE journal SET reason = ? WHERE number = ? AND state = 'intended'",
                arguments: [reason, entry.number])
        }
    }

    /// The change of a tag that was intended and never settled; nil if all are settled.
    package func unsettled(
        repository: String, tag: String, observer: ProcessIdentity = .current()
    ) async throws(LedgerError) -> (entry: JournalEntry, presence: ProcessIdentity.Presence)? {
        try await read { try Self.unsettled(repository: repository, tag: tag, observer, $0) }
    }

    /// The last changes, newest first.
    ///
    /// - Parameters:
    ///   - repository: registry and path; nil for all.
    ///   - tag: nil for all.
    package func journal(
        repository: String? = nil, tag: String? = nil, limit: Int = 100
    ) async throws(LedgerError) -> [JournalEntry] {
        try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT * FROM journal WHERE (? IS NULL OR repository = ?) AND (? IS NULL OR tag = ?)
                    ORDER BY number DESC LIMIT ?
                    """,
                arguments: [repository, repository, tag, tag, limit]
            ).map(Self.entry)
        }
    }

    // MARK: - Rows

    /// The number of the change among the service's promotions, or the next one.
    private static func generation(
        for intent: JournalEntry.Intent, _ db: Database
    ) throws -> (number: Int, isNew: Bool) {
        let last = try promotions(of: intent.service, limit: 1, db).last
        let rule = PromotionRule(gitSHA: intent.gitSHA, digest: intent.digest)
        // A promotion with only a commit is a different one, because its digest might differ.
        if let last, last.digest == intent.digest, rule.isSame(as: last) { return (last.generation, false) }
        return ((last?.generation ?? 0) + 1, true)
    }

    private static func unsettled(
        repository: String, tag: String, _ observer: ProcessIdentity, _ db: Database
    ) throws -> (entry: JournalEntry, presence: ProcessIdentity.Presence)? {
        let row = try Row.fetchOne(
            db, sql: "SELECT * FROM journal WHERE repository = ? AND tag = ? AND state = 'intended'",
            arguments: [repository, tag])
        guard let row else { return nil }
        return (try entry(row), ProcessIdentity(row).presence(observer: observer))
    }

    private static func entry(_ number: Int64, _ db: Database) throws -> JournalEntry? {
        try Row.fetchOne(db, sql: "SELECT * FROM journal WHERE number = ?", arguments: [number]).map(entry)
    }

    static func entry(_ row: Row) throws -> JournalEntry {
        guard let digest = row.digest else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "a journal entry has no digest")
        }
        return JournalEntry(
            number: row["number"],
            intent: JournalEntry.Intent(
                id: row["id"], kind: try row.value("kind"), service: try row.deployedService(),
                repository: row["repository"],
                tag: row["tag"], source: row["source"], gitSHA: row.gitSHA, digest: digest,
                formerDigest: (row["former_digest"] as String?).flatMap(Digest.init(contractText:)),
                formerGitSHA: (row["former_git_sha"] as String?).flatMap(GitSHA.init(contractText:)),
                actor: row["actor"], contexts: try LedgerCoding.decode(row["contexts"]),
                permission: row["permission"], intendedAt: row["intended_at"]),
            generation: row["generation"], state: try row.value("state"), settledAt: row["settled_at"],
            reason: row["reason"])
    }
}
