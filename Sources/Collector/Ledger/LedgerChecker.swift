import FoundationEssentials
import GRDB
import Shared

/// A look at everything in a ledger. What cannot be read is a finding, and the look goes on.
struct LedgerChecker {
    private(set) var condition: LedgerCheckResult
    let now: Date
    let progress: @Sendable (String) -> Void

    /// Of one kind of finding more are only counted.
    private static let most = 10

    init(condition: LedgerCheckResult, now: Date, progress: @escaping @Sendable (String) -> Void) {
        self.condition = condition
        self.now = now
        self.progress = progress
    }

    /// - Parameter db: outside of a transaction.
    mutating func run(_ db: Database) {
        // One moment is looked at, although others may be recording; a damaged page ends that, and the rest is looked at all
        // the same.
        look("the file's beginning", db) { try $1.execute(sql: "BEGIN") }
        examine(db)
        look("the end", db) { if $1.isInsideTransaction { try $1.execute(sql: "ROLLBACK") } }
    }

    private mutating func examine(_ db: Database) {
        look("the schema's version", db) { inspection, db in
            let version = try LedgerSchema.version(db)
            inspection.condition.version = version
            if version < LedgerSchema.version {
                inspection.condition.add(
                    .note, "schema \(version) is an older collector's: the next verification brings it up to date")
            }
            let size = try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0
            inspection.condition.freeBytes = try Int.fetchOne(db, sql: "PRAGMA freelist_count").map { $0 * size }
        }
        // Version 0 is a file whose maker was killed over it; there is nothing in it to contradict anything.
        guard condition.version != 0 else { return }
        look("the file", db) { try $0.checkIntegrity($1) }
        look("references between tables", db) { try $0.checkReferences($1) }
        look("the counts", db) { try $0.count($1) }
        for rule in LedgerInvariant.all where rule.since <= condition.version ?? LedgerSchema.version {
            look("the rules", db) { try $0.check(rule, $1) }
        }
        guard condition.findings.contains(where: { $0.kind == .damage }) else { return }
        look("each verification", db) { try $0.findUnreadable($1) }
    }

    private mutating func look(
        _ what: String, _ db: Database, _ body: (inout LedgerChecker, Database) throws -> Void
    ) {
        progress("checking \(what)")
        do {
            try body(&self, db)
        } catch {
            let reason = (error as? DatabaseError)?.message ?? "\(error)"
            condition.add(.damage, "\(what) cannot be read to the end: \(reason)")
        }
    }

    /// Every page, every row's constraints, and every index against its table.
    private mutating func checkIntegrity(_ db: Database) throws {
        // One by one: SQLite may give up in the middle, and what it has said by then is known.
        let rows = try String.fetchCursor(db, sql: "PRAGMA integrity_check(\(Self.most * 10))")
        var count = 0
        while let row = try rows.next() {
            for line in row.split(separator: "\n") where line != "ok" && !line.hasPrefix("***") {
                count += 1
                if count <= Self.most { condition.add(.damage, String(line)) }
            }
        }
        if count > Self.most { condition.add(.damage, "and \(count - Self.most) more such defects") }
    }

    private mutating func checkReferences(_ db: Database) throws {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT "table", parent, count(*) AS count FROM pragma_foreign_key_check GROUP BY "table", parent
                """)
        for row in rows {
            let (child, parent, count): (String, String, Int) = (row["table"], row["parent"], row["count"])
            condition.add(.contradiction, "\(count) rows of \(child) refer to \(parent) that are not there")
        }
    }

    private mutating func count(_ db: Database) throws {
        var counts = LedgerCheckResult.Counts()
        func number(_ sql: String) throws -> Int { try Int.fetchOne(db, sql: sql) ?? 0 }
        counts.services = try number("SELECT count(DISTINCT service) FROM promotions")
        counts.promotions = try number("SELECT count(*) FROM promotions")
        counts.verifications = try number("SELECT count(*) FROM verifications")
        counts.hosts = try number("SELECT count(*) FROM hosts")
        counts.transitions = try number("SELECT count(*) FROM transitions")
        let observer = ProcessIdentity.current()
        var interrupted: [String] = []
        let rows = try Row.fetchCursor(
            db, sql: "SELECT * FROM verifications WHERE state = 'running' ORDER BY number DESC")
        while let row = try rows.next() {
            switch LedgerState(row, observer: observer, now: now) {
            case .running: counts.running += 1
            case .interrupted:
                counts.interrupted += 1
                interrupted.append(row["id"])
            case .finished: break
            }
        }
        condition.counts = counts
        if !interrupted.isEmpty {
            condition.add(
                .note, "the collector of \(Self.list(interrupted)) ended before its verification did")
        }
    }

    private mutating func check(_ rule: LedgerInvariant, _ db: Database) throws {
        let places = try String.fetchAll(db, sql: rule.query + " LIMIT \(Self.most * 100)")
        guard !places.isEmpty else { return }
        condition.add(.contradiction, "\(rule.defect) \(Self.list(places))")
    }

    /// Which tables and which reports are lost, so that people know what the damage costs them.
    private mutating func findUnreadable(_ db: Database) throws {
        for table in ["promotions", "verifications", "hosts", "transitions"] {
            look("the table \(table)", db) { _, db in
                _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM \(table) NOT INDEXED")
            }
        }
        var lost: [String] = []
        for row in try Row.fetchAll(db, sql: "SELECT number, id FROM verifications ORDER BY number") {
            let arguments: StatementArguments = [row["number"] as Int64]
            do {
                _ = try Row.fetchOne(
                    db.cachedStatement(
                        sql: "SELECT total(length(url)), total(clock_offset) FROM hosts WHERE verification = ?"),
                    arguments: arguments)
                _ = try Row.fetchOne(
                    db.cachedStatement(sql: "SELECT total(length(reason)) FROM transitions WHERE verification = ?"),
                    arguments: arguments)
            } catch { lost.append(row["id"]) }
        }
        if lost.isEmpty {
            condition.add(.note, "every verification can still be read")
        } else {
            condition.add(.damage, "the report of \(Self.list(lost)) cannot be read")
        }
    }

    /// `a, b and 3 more`.
    private static func list(_ items: [String]) -> String {
        let shown = items.prefix(most).joined(separator: ", ")
        return items.count > most ? "\(shown) and \(items.count - most) more" : shown
    }
}
