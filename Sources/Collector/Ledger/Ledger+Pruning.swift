package import FoundationEssentials
import GRDB

extension Ledger {
    /// How long a transaction that removes may go on before it makes room for a verification that wants to record.
    private static let batchTime = Duration.milliseconds(250)
    /// How long nothing is locked between two transactions: longer than the 100 ms that SQLite's busy handler sleeps at most
    /// between two tries, so that whoever waits has its turn.
    private static let pause = Duration.milliseconds(120)
    /// Pages that are given back between two looks at the clock.
    private static let vacuumPages = 100

    /// Removes the verifications that are not kept, each one whole or not at all, while others may read and record.
    ///
    /// - Parameters:
    ///   - now: the wall clock.
    ///   - rewrites: makes the file anew as small as it can be, which locks out whoever wants to record meanwhile. Without,
    ///     a ledger that was made with schema 2 or later gives back its free pages in small steps; an older one keeps them
    ///     for what comes.
    ///   - progress: called with how many verifications are removed, and of how many, or with nothing left while space is
    ///     given back.
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
        if rewrites { try await maintain { try $0.execute(sql: "VACUUM") } } else { try await giveBack() }
        // The file itself shrinks when what is in the log has been brought into it. Who reads is not waited for.
        try await maintain { db in
            // Nor is anybody who is bringing it in already.
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

    /// What ``prune(_:now:rewrites:progress:)`` would remove.
    package func pruneable(_ retention: LedgerRetention, now: Date) async throws(LedgerError) -> PruneResult {
        try await read { db in
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
            pruned.kept = (try Int.fetchOne(db, sql: "SELECT count(*) FROM verifications") ?? 0) - numbers.count
            return pruned
        }
    }

    private static func yieldToOthers() async {
        // Cancelled or not, what is left is done: a pause is a courtesy.
        do { try await Task.sleep(for: pause) } catch {}
    }

    private struct Batch: Sendable {
        var tried = 0
        var verifications = 0
        var hosts = 0
        var transitions = 0
    }

    private static func removeBatch(_ numbers: ArraySlice<Int64>, _ db: Database) throws -> Batch {
        // Debian's SQLite overwrites what is deleted, which writes every page twice. Nothing in here is secret.
        try db.execute(sql: "PRAGMA secure_delete = OFF")
        let clock = ContinuousClock()
        let start = clock.now
        var batch = Batch()
        for number in numbers {
            // Children first: a cascade would look for them host by host.
            for (table, counter) in [("transitions", \Batch.transitions), ("hosts", \.hosts)] {
                try db.execute(sql: "DELETE FROM \(table) WHERE verification = ?", arguments: [number])
                batch[keyPath: counter] += db.changesCount
            }
            try db.execute(sql: "DELETE FROM verifications WHERE number = ?", arguments: [number])
            batch.verifications += db.changesCount
            batch.tried += 1
            if clock.now - start >= batchTime { break }
        }
        return batch
    }

    /// Gives free pages back to the disk, where the file was made for that.
    private func giveBack() async throws(LedgerError) {
        let isIncremental = try await read { try Int.fetchOne($0, sql: "PRAGMA auto_vacuum") == 2 }
        guard isIncremental else { return }
        while try await write({ try Self.giveBackBatch($0) }) > 0 { await Self.yieldToOthers() }
    }

    /// - Returns: how many pages are still free; 0 where no more can be given back.
    private static func giveBackBatch(_ db: Database) throws -> Int {
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
