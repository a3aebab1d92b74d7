import CollectorSupport
package import FoundationEssentials
import GRDB
import Shared
import Verdict

extension Ledger {
    /// The maximum duration of a deleting transaction, after which a verification can record.
    static let batchTime = Duration.milliseconds(250)
    /// The pause between two transactions: longer than the 100 ms that SQLite's busy handler sleeps at most between two
    /// attempts, so that a waiting process gets its turn.
    private static let pause = Duration.milliseconds(120)
    /// The number of pages that are released before the clock is checked again.
    private static let vacuumPages = 100

    /// Removes the verifications that are not kept, each one whole or not at all, while other processes can read and record.
    ///
    /// - Parameters:
    ///   - now: the wall clock.
    ///   - rewrites: rewrites the file as small as possible, which keeps other processes from recording meanwhile. Otherwise,
    ///     a ledger that was created with schema 2 or later releases its free pages in small steps, and an older one keeps
    ///     them for later records.
    ///   - progress: called with the number of removed verifications and of all that are removed; both are equal while space
    ///     is released.
    package func prune(
        _ retention: LedgerRetention, now: Date, rewrites: Bool = false,
        progress: @Sendable (_ removed: Int, _ all: Int) -> Void = { _, _ in }
    ) async throws(LedgerError) -> PruneResult {
        let before = try await read { try Self.pages($0) }
        var rest = try await read { try retention.excess(now: now, $0) }[...]
        let all = rest.count
        var pruned = PruneResult()
        while !rest.isEmpty {
            let numbers = rest
            let batch = try await write { try Self.removeBatch(numbers, $0) }
            pruned.verifications += batch.verifications
            pruned.hosts += batch.hosts
            pruned.transitions += batch.transitions
            rest = rest.dropFirst(batch.tried)
            progress(all - rest.count, all)
            await Self.yieldToOthers()
        }
        pruned.statuses = try await pruneStatuses(before: retention.oldest(now: now))
        pruned.changes = try await pruneStandingChanges(before: retention.oldest(now: now))
        if rewrites { try await maintain { try $0.execute(sql: "VACUUM") } } else { try await releasePages() }
        // The file itself shrinks when the log is merged into it. Readers are not waited for.
        try await maintain { db in
            // Nor is another process that is already merging it.
            do { _ = try db.checkpoint(.passive) } catch let error as DatabaseError
                where error.resultCode == .SQLITE_BUSY
            {}
        }
        let after = try await read { try Self.pages($0) }
        pruned.kept = try await read { try Int.fetchOne($0, sql: "SELECT count(*) FROM verifications") ?? 0 }
        pruned.bytesFreed = max(0, (before.count - after.count) * after.size)
        pruned.bytesReusable = after.free * after.size
        return pruned
    }

    /// The result that ``prune(_:now:rewrites:progress:)`` would have.
    package func pruneable(_ retention: LedgerRetention, now: Date) async throws(LedgerError) -> PruneResult {
        let statuses = try await pruneableStatuses(before: retention.oldest(now: now))
        let changes = try await pruneableStandingChanges(before: retention.oldest(now: now))
        return try await read { db in
            let numbers = try retention.excess(now: now, db)
            var pruned = PruneResult(isDryRun: true, verifications: numbers.count)
            for number in numbers {
                for (table, counter) in [("hosts", \PruneResult.hosts), ("transitions", \.transitions)] {
                    pruned[keyPath: counter] +=
                        try Int.fetchOne(
                            db.cachedStatement(sql: "SELECT count(*) FROM \(table) WHERE verification = ?"),
                            arguments: [number]) ?? 0
                }
            }
            pruned.statuses = statuses
            pruned.changes = changes
            pruned.kept = (try Int.fetchOne(db, sql: "SELECT count(*) FROM verifications") ?? 0) - numbers.count
            return pruned
        }
    }

    /// The ids among these that no verification has.
    package func unknownVerifications(among ids: [String]) async throws(LedgerError) -> [String] {
        guard !ids.isEmpty else { return [] }
        let known = try await read { Set(try String.fetchAll($0, sql: "SELECT id FROM verifications")) }
        return ids.filter { !known.contains($0) }
    }

    static func yieldToOthers() async {
        // A cancelled task finishes its work without the pauses.
        do { try await Task.sleep(for: pause) } catch {}
    }

    private struct Batch: Sendable {
        var tried = 0
        var verifications = 0
        var hosts = 0
        var transitions = 0
    }

    private static func removeBatch(_ numbers: ArraySlice<Int64>, _ db: Database) throws -> Batch {
        // Debian's SQLite overwrites deleted data, which writes every page twice. The ledger holds no secrets.
        try db.execute(sql: "PRAGMA secure_delete = OFF")
        let clock = ContinuousClock()
        let start = clock.now
        var batch = Batch()
        for number in numbers {
            // Children first: a cascade would search for them host by host.
            for (table, counter) in [("transitions", \Batch.transitions), ("hosts", \.hosts)] {
                try db.execute(sql: "DELETE FROM \(table) WHERE verification = ?", arguments: [number])
                batch[keyPath: counter] += db.changesCount
            }
            try db.execute(sql: "DELETE FROM verifications WHERE number = ?", arguments: [number])
            batch.verifications += db.changesCount
            batch.tried += 1
            if clock.now - start >= batchTime { break }
        }
        try RecordedOutcomes.removeUnusedLists(db)
        return batch
    }

    /// Releases free pages to the disk, if the file was created for that.
    private func releasePages() async throws(LedgerError) {
        let isIncremental = try await read { try Int.fetchOne($0, sql: "PRAGMA auto_vacuum") == 2 }
        guard isIncremental else { return }
        while try await write({ try Self.releaseBatch($0) }) > 0 { await Self.yieldToOthers() }
    }

    /// - Returns: the number of pages that are still free; 0 if no more can be released.
    private static func releaseBatch(_ db: Database) throws -> Int {
        let clock = ContinuousClock()
        let start = clock.now
        var free = try pages(db).free
        while free > 0, clock.now - start < batchTime {
            try db.execute(sql: "PRAGMA incremental_vacuum(\(vacuumPages))")
            let left = try pages(db).free
            guard left < free else { return 0 }
            free = left
        }
        return free
    }

    private static func pages(_ db: Database) throws -> (count: Int, free: Int, size: Int) {
        (
            try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0,
            try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0,
            try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0
        )
    }
}

/// The verifications that `ledger prune` keeps.
///
/// Besides those that the age and the number select, these are kept: running ones; of each service in each environment, the last proof of each of
/// the last five promotions that the whole fleet converged on, because a tag is rolled back to a proven build; the last one
/// that converged; and the one that `--max-shrink` compares the next inventory with. All promotions are kept: a host with an
/// old build is `behind` and not `foreign` only as long as the ledger knows that build, and they are small.
package struct LedgerRetention: Hashable, Sendable {
    private let age: Duration
    private let last: Int

    /// - Parameters:
    ///   - age: verifications that started less than this ago are kept.
    ///   - last: this many of the last verifications of each service in each environment are kept; 1 or more.
    package init(age: Duration, last: Int = 1) {
        self.age = age
        self.last = last
    }

    /// The number of proven promotions of each service whose last proof is kept, and so of possible rollbacks in a row.
    private static let provenPromotions = 5

    /// What began before this time has no right to be kept by its age.
    fileprivate func oldest(now: Date) -> Date { now.addingTimeInterval(-age.seconds) }

    /// The ledger's numbers of the verifications to remove, oldest first.
    ///
    /// - Parameter now: the wall clock.
    fileprivate func excess(now: Date, _ db: Database) throws -> [Int64] {
        let oldest = oldest(now: now).rfc3339
        let observer = ProcessIdentity.current()
        var services: [String: Kept] = [:]
        var excess: [Int64] = []
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT number, service, state, verdict, started_at, timeout, pid, process_start, pid_namespace, boot,
                    generation, inventory LIKE '%"selected"%' AS is_part
                FROM verifications ORDER BY number DESC
                """)
        while let row = try rows.next() {
            let state = LedgerState(row, observer: observer, now: now)
            let verdict = try Ledger.verdict(row, state)
            let started: String = row["started_at"]
            let isWhole: Bool = row["is_part"] == false
            let isNeeded = services[row["service"], default: Kept()].needs(
                verdict, isStored: state == .finished, provenGeneration: isWhole ? row["generation"] : nil, last: last)
            if !isNeeded, state != .running, started < oldest { excess.append(row["number"]) }
        }
        return excess.reversed()
    }

    /// The verifications kept of one service, from its last one backwards.
    private struct Kept {
        private var count = 0
        private var hasConverged = false
        private var hasInventory = false
        private var proven: Set<Int> = []

        /// - Parameter provenGeneration: the promotion, if the whole fleet was verified.
        mutating func needs(_ verdict: Verdict?, isStored: Bool, provenGeneration: Int?, last: Int) -> Bool {
            count += 1
            var isNeeded = count <= last
            if verdict == .converged || verdict == .convergedTolerated {
                if !hasConverged { isNeeded = true }
                hasConverged = true
                // The definition of a proof in Ledger+Builds.
                if let provenGeneration, proven.count < LedgerRetention.provenPromotions,
                    proven.insert(provenGeneration).inserted
                {
                    isNeeded = true
                }
            }
            // The choice of Ledger.previousExpected(of:).
            if !hasInventory, isStored, verdict != .emptyInventory, verdict != .inventoryShrunk {
                hasInventory = true
                isNeeded = true
            }
            return isNeeded
        }
    }
}

/// The result of `ledger prune`, or of a dry run.
package struct PruneResult: Codable, Hashable, Sendable {
    var schema = 1
    /// True if nothing was removed.
    var isDryRun = false
    var verifications = 0
    var hosts = 0
    var transitions = 0
    /// The number of recorded statuses.
    var statuses = 0
    /// The number of changes of hosts that standing checks saw.
    var changes = 0
    /// The number of verifications that remain.
    var kept = 0
    /// The number of bytes by which the file became smaller.
    @ExplicitNull var bytesFreed: Int? = nil
    /// Free space in the file, which later verifications use.
    @ExplicitNull var bytesReusable: Int? = nil

    enum CodingKeys: String, CodingKey {
        case schema, verifications, hosts, transitions, statuses, changes, kept
        case isDryRun = "dry_run"
        case bytesFreed = "bytes_freed"
        case bytesReusable = "bytes_reusable"
    }

    package func text() -> String {
        let rows = [
            "\(verifications) verifications (\(hosts) hosts, \(transitions) transitions)",
            statuses > 0 ? "\(statuses) recorded statuses" : nil, changes > 0 ? "\(changes) changes of hosts" : nil,
        ].compactMap { $0 }.joined(separator: " and ")
        guard !isDryRun else { return "would remove \(rows); would keep \(kept) verifications and all promotions\n" }
        let freed = bytesFreed.map { ", and released \(ByteCount($0))" } ?? ""
        let reusable = bytesReusable.map { $0 > 0 ? "; \(ByteCount($0)) in the file are free" : "" } ?? ""
        return "removed \(rows)\(freed)\(reusable); kept \(kept) verifications and all promotions\n"
    }
}
