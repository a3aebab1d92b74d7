import CollectorSupport
package import FoundationEssentials
import GRDB
import Glibc
import Shared
import Verdict

extension Ledger {
    /// Checks the whole ledger at `path`, whatever state it is in, and changes nothing.
    ///
    /// - Parameters:
    ///   - now: the wall clock, for verifications whose process cannot be observed.
    ///   - progress: called with the name of each part before it is checked.
    /// - Throws: if the ledger does not exist, or has a newer schema. Damage is a finding.
    package static func inspect(
        path: String, options: Options = .standard, now: Date, progress: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws(LedgerError) -> LedgerCheckResult {
        var result = LedgerCheckResult(path: path, bytes: size(of: path), logBytes: size(of: "\(path)-wal"))
        let ledger: Ledger
        do throws(LedgerError) {
            ledger = try await open(path: path, for: .inspecting, options: options)
        } catch .damaged {
            let (actual, stated) = lengths(of: path)
            result.add(
                .damage,
                actual < stated
                    ? "the file ends after \(ByteCount(actual)) of \(ByteCount(stated)): nothing in it can be trusted"
                    : "the list of tables, at the start of the file, cannot be read: nothing else can be checked")
            return result
        }
        let checker = LedgerChecker(result: result, now: now, progress: progress)
        return try await ledger.readUnprotected { db in
            var checker = checker
            return checker.run(db)
        }
    }

    /// Checks a ledger that is open; in the transaction that has begun, if any.
    static func check(
        _ db: Database, path: String, now: Date, progress: @escaping @Sendable (String) -> Void
    ) -> LedgerCheckResult {
        var checker = LedgerChecker(
            result: LedgerCheckResult(path: path, bytes: size(of: path), logBytes: size(of: "\(path)-wal")), now: now,
            progress: progress)
        return checker.run(db)
    }

    /// The file's length, and the length that its header states. Source: SQLite's file format, section 1.3.
    private static func lengths(of path: String) -> (actual: Int, stated: Int) {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return (0, 0) }
        defer { Glibc.close(descriptor) }
        var header = [UInt8](repeating: 0, count: 32)
        let count = header.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        guard count == header.count else { return (0, 0) }
        let pageSize = Int(header[16]) << 8 | Int(header[17])
        let pages = header[28...].reduce(0) { $0 << 8 | Int($1) }
        return (size(of: path), pages * (pageSize == 1 ? 65_536 : pageSize))
    }

    private static func size(of path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }
}

/// A check of a whole ledger. A part that cannot be read is a finding, and the check continues.
private struct LedgerChecker {
    private var result: LedgerCheckResult
    private let now: Date
    private let progress: @Sendable (String) -> Void

    /// Further findings of one kind are only counted.
    private static let maximumFindings = 10

    init(result: LedgerCheckResult, now: Date, progress: @escaping @Sendable (String) -> Void) {
        self.result = result
        self.now = now
        self.progress = progress
    }

    mutating func run(_ db: Database) -> LedgerCheckResult {
        guard !db.isInsideTransaction else {
            examine(db)
            return result
        }
        // A transaction shows one state, although other processes might be recording. A damaged page ends it, and the rest is
        // checked without one.
        check("the start of the file", db) { try $1.execute(sql: "BEGIN") }
        examine(db)
        check("the end of the file", db) { if $1.isInsideTransaction { try $1.execute(sql: "ROLLBACK") } }
        return result
    }

    private mutating func examine(_ db: Database) {
        check("the schema version", db) { checker, db in
            let version = try LedgerSchema.version(db)
            checker.result.version = version
            if version < LedgerSchema.version {
                checker.result.add(
                    .note, "schema \(version) is of an older collector: the next verification upgrades it")
            }
            let size = try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0
            checker.result.freeBytes = try Int.fetchOne(db, sql: "PRAGMA freelist_count").map { $0 * size }
        }
        // Version 0 is an empty file whose creator was killed.
        guard result.version != 0 else { return }
        check("the file", db) { try $0.checkIntegrity($1) }
        check("references between tables", db) { try $0.checkReferences($1) }
        check("the counts", db) { try $0.count($1) }
        for invariant in LedgerInvariant.all where invariant.since <= result.version ?? LedgerSchema.version {
            check("the invariants", db) { try $0.check(invariant, $1) }
        }
        if result.version ?? LedgerSchema.version >= 9 { check("the statistics", db) { try $0.checkOutcomes($1) } }
        guard result.findings.contains(where: { $0.kind == .damage }) else { return }
        check("each verification", db) { try $0.findUnreadable($1) }
    }

    private mutating func check(
        _ part: String, _ db: Database, _ body: (inout LedgerChecker, Database) throws -> Void
    ) {
        progress("checking \(part)")
        do {
            try body(&self, db)
        } catch {
            let reason = (error as? DatabaseError)?.message ?? "\(error)"
            result.add(.damage, "\(part) cannot be read completely: \(reason)")
        }
    }

    /// Checks every page, every row's constraints, and every index against its table.
    private mutating func checkIntegrity(_ db: Database) throws {
        // Row by row: SQLite might stop in the middle, and its findings until then are kept.
        let rows = try String.fetchCursor(db, sql: "PRAGMA integrity_check(\(Self.maximumFindings * 10))")
        var count = 0
        while let row = try rows.next() {
            for line in row.split(separator: "\n") where line != "ok" && !line.hasPrefix("***") {
                count += 1
                if count <= Self.maximumFindings { result.add(.damage, String(line)) }
            }
        }
        if count > Self.maximumFindings { result.add(.damage, "and \(count - Self.maximumFindings) more such errors") }
    }

    private mutating func checkReferences(_ db: Database) throws {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT "table", parent, count(*) AS count FROM pragma_foreign_key_check GROUP BY "table", parent
                """)
        for row in rows {
            let (child, parent, count): (String, String, Int) = (row["table"], row["parent"], row["count"])
            result.add(.contradiction, "rows of \(child) that refer to missing rows of \(parent): \(count)")
        }
    }

    private mutating func count(_ db: Database) throws {
        var counts = LedgerCheckResult.Counts()
        func number(_ sql: String) throws -> Int { try Int.fetchOne(db, sql: sql) ?? 0 }
        counts.services = try number("SELECT count(DISTINCT \(LedgerSchema.serviceName)) FROM promotions")
        counts.promotions = try number("SELECT count(*) FROM promotions")
        counts.verifications = try number("SELECT count(*) FROM verifications")
        counts.hosts = try number("SELECT count(*) FROM hosts")
        counts.transitions = try number("SELECT count(*) FROM transitions")
        if hasStandingChanges { counts.changes = try number("SELECT count(*) FROM standing_changes") }
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
        result.counts = counts
        if !interrupted.isEmpty {
            result.add(
                .note,
                "interrupted verifications, whose collectors ended early: \(interrupted.listed(limit: Self.maximumFindings))"
            )
        }
    }

    private mutating func check(_ invariant: LedgerInvariant, _ db: Database) throws {
        let places = try String.fetchAll(db, sql: invariant.query + " LIMIT \(Self.maximumFindings * 100)")
        guard !places.isEmpty else { return }
        result.add(.contradiction, "\(invariant.violation) \(places.listed(limit: Self.maximumFindings))")
    }

    /// Compares the outcomes that statistics read with the rows that they were made from.
    private mutating func checkOutcomes(_ db: Database) throws {
        var different: [String] = []
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT number, id, (SELECT hosts FROM host_lists WHERE host_lists.number = list) AS hosts, outcomes
                FROM host_outcomes JOIN verifications ON number = verification ORDER BY number
                """)
        while let row = try rows.next() {
            let actual = try RecordedOutcomes(of: row["number"], db)
            let hosts: String? = row["hosts"]
            let outcomes: Data = row["outcomes"]
            let isSame =
                hosts.map { $0.utf8.elementsEqual(actual.hosts) } == true && outcomes.elementsEqual(actual.outcomes)
            if !isSame || !actual.isStorable { different.append(row["id"]) }
        }
        guard !different.isEmpty else { return }
        result.add(
            .contradiction,
            "the statistics of a verification differ from its hosts: \(different.listed(limit: Self.maximumFindings))")
    }

    private var hasStandingChanges: Bool { result.version ?? LedgerSchema.version >= 11 }

    /// Finds the tables and the reports that are lost, and so the cost of the damage.
    private mutating func findUnreadable(_ db: Database) throws {
        let tables = ["promotions", "verifications", "hosts", "transitions"]
        for table in tables + (hasStandingChanges ? ["standing_changes"] : []) {
            check("the table \(table)", db) { _, db in
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
            result.add(.note, "every verification can still be read")
        } else {
            result.add(.damage, "the report of \(lost.listed(limit: Self.maximumFindings)) cannot be read")
        }
    }
}

/// A property of every ledger at every moment, even after a kill: a query that finds its violations.
struct LedgerInvariant: Sendable {
    /// The problem if the query finds rows. Their first column contains its place.
    let violation: String
    fileprivate let query: String
    /// The first schema that has everything that the query reads.
    fileprivate var since = 1

    static let all = [
        LedgerInvariant(
            violation: "promotions are not numbered from 1 without gaps: of service",
            query: """
                SELECT replace(service, '@', ' in ') FROM promotions GROUP BY service
                HAVING min(generation) != 1 OR max(generation) != count(*)
                """),
        LedgerInvariant(
            violation:
                "a finished verification lacks its verdict, exit code, end or outcome, or a running one has them:",
            query: """
                SELECT id FROM verifications WHERE NOT iif(
                    state = 'finished',
                    verdict IS NOT NULL AND exit_code IS NOT NULL AND finished_at IS NOT NULL AND proven IS NOT NULL
                        AND outcome IS NOT NULL,
                    verdict IS NULL AND exit_code IS NULL AND finished_at IS NULL AND proven IS NULL AND outcome IS NULL)
                """),
        LedgerInvariant(
            violation: "a verification has an unknown verdict:",
            query: """
                SELECT id FROM verifications WHERE verdict NOT IN (\(quoted(Verdict.allCases.map(\.rawValue))))
                """),
        LedgerInvariant(
            violation: "a verification counts more proven hosts than it has:",
            query: "SELECT id FROM verifications WHERE proven > expected OR expected > listed"),
        LedgerInvariant(
            violation: "a verification has another number of hosts than its inventory expects:",
            // Only selected hosts are polled and reported; `listed` counts all hosts of the inventory.
            query: """
                SELECT id FROM verifications WHERE json_extract(inventory, '$.expected') != (
                    SELECT count(*) FROM hosts
                    WHERE verification = number AND (rank IS NOT NULL OR verifications.state = 'running'))
                """),
        LedgerInvariant(
            violation: "a verification lists another number of hosts than its inventory:",
            query: """
                SELECT id FROM verifications WHERE json_extract(inventory, '$.expected') > listed
                    OR listed != coalesce(json_extract(inventory, '$.listed'), json_extract(inventory, '$.expected'))
                """),
        LedgerInvariant(
            violation: "a finished verification has hosts without a result:",
            query: """
                SELECT id FROM verifications JOIN hosts ON verification = number
                WHERE state = 'finished' AND rank IS NOT NULL
                    AND (label IS NULL OR reason IS NULL OR attempts IS NULL OR reach IS NULL)
                GROUP BY id
                """),
        LedgerInvariant(
            violation: "a host has an unknown status: in verification",
            query: """
                SELECT id FROM hosts JOIN verifications ON number = verification
                WHERE label NOT IN (\(quoted(HostStatus.allCases.map(\.rawValue)))) GROUP BY id
                """),
        LedgerInvariant(
            violation: "a host's transitions are not numbered from 0 without gaps: in verification",
            query: """
                SELECT id FROM (
                    SELECT DISTINCT verification FROM transitions GROUP BY verification, host
                    HAVING min(number) != 0 OR max(number) != count(*) - 1)
                JOIN verifications ON number = verification
                """),
        LedgerInvariant(
            violation: "the journal has a moved tag without its promotion: entry",
            query: """
                SELECT id FROM journal WHERE state = 'moved' AND NOT EXISTS (
                    SELECT 1 FROM promotions
                    WHERE promotions.service = journal.service AND promotions.generation = journal.generation)
                """, since: 3),
        LedgerInvariant(
            violation: "a verification is recorded under another service or environment than its target's:",
            query: """
                SELECT id FROM verifications WHERE service_name IS NOT json_extract(target, '$.service')
                    OR environment IS NOT coalesce(json_extract(target, '$.environment'), 'default')
                """, since: 8),
        LedgerInvariant(
            violation: "the journal has an unknown kind or state: entry",
            query: """
                SELECT id FROM journal WHERE kind NOT IN (\(quoted(JournalEntry.Kind.allCases.map(\.rawValue))))
                    OR state NOT IN (\(quoted(JournalEntry.State.allCases.map(\.rawValue))))
                """, since: 3),
        LedgerInvariant(
            violation: "a standing check saw an unknown status: of host",
            query: """
                SELECT DISTINCT host FROM standing_changes
                WHERE status NOT IN (\(quoted(HostStatus.allCases.map(\.rawValue))))
                """, since: 11),
        LedgerInvariant(
            violation: "a standing check saw a change that contradicts itself: of host",
            query: """
                SELECT DISTINCT host FROM standing_changes
                WHERE not_before > at OR is_new_build AND is_restart OR is_served AND build IS NULL
                """, since: 11),
    ]

    /// The words as a list of SQL literals. They are raw values of enums and contain no quotes.
    private static func quoted(_ words: [String]) -> String { words.map { "'\($0)'" }.joined(separator: ", ") }
}
