import CollectorSupport
import FoundationEssentials
import GRDB

extension Ledger {
    /// Removes changes of hosts that were seen before a time.
    ///
    /// A host's last change stays as long as its fleet is checked and lists it, so that a service that is started again knows
    /// what has not changed.
    ///
    /// - Returns: the number of changes that were removed.
    func pruneStandingChanges(before cutoff: Date) async throws(LedgerError) -> Int {
        let time = cutoff.rfc3339
        var rest = try await read { try StandingHost.all(withChangesBefore: time, $0) }[...]
        var removed = 0
        while !rest.isEmpty {
            let hosts = rest
            let (tried, count) = try await write { try Self.removeStandingChanges(of: hosts, before: time, $0) }
            removed += count
            rest = rest.dropFirst(tried)
            await Self.yieldToOthers()
        }
        guard removed > 0 else { return 0 }
        try await write { db in
            try db.execute(
                sql: """
                    DELETE FROM standing_builds WHERE NOT EXISTS (
                        SELECT 1 FROM standing_changes WHERE build = standing_builds.number)
                    """)
        }
        return removed
    }

    /// The number of changes that ``pruneStandingChanges(before:)`` would remove.
    func pruneableStandingChanges(before cutoff: Date) async throws(LedgerError) -> Int {
        let time = cutoff.rfc3339
        return try await read { db in
            try StandingHost.all(withChangesBefore: time, db).reduce(0) { count, host in
                let rows = try Int.fetchOne(
                    db.cachedStatement(
                        sql: "SELECT count(*) FROM standing_changes WHERE fleet = ? AND host = ? AND number < ?"),
                    arguments: [host.fleet, host.name, try host.firstKept(since: time, db)])
                return count + (rows ?? 0)
            }
        }
    }

    private static func removeStandingChanges(
        of hosts: ArraySlice<StandingHost>, before time: String, _ db: Database
    ) throws -> (tried: Int, removed: Int) {
        let clock = ContinuousClock()
        let start = clock.now
        var (tried, removed) = (0, 0)
        for host in hosts {
            try db.cachedStatement(sql: "DELETE FROM standing_changes WHERE fleet = ? AND host = ? AND number < ?")
                .execute(arguments: [host.fleet, host.name, try host.firstKept(since: time, db)])
            removed += db.changesCount
            tried += 1
            if clock.now - start >= batchTime { break }
        }
        return (tried, removed)
    }
}

/// A host of a fleet with changes of its own.
private struct StandingHost: Sendable {
    let fleet: Int64
    let name: String
    /// True if its last change stays, however old it is.
    let isWatched: Bool

    static func all(withChangesBefore time: String, _ db: Database) throws -> [StandingHost] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT fleet, host, (SELECT status IS NOT NULL FROM standing_changes WHERE number = last) AND coalesce(
                    (SELECT seen_until >= ? FROM standing_fleets f WHERE f.number = fleet), FALSE) AS is_watched
                FROM (
                    SELECT fleet, host, max(number) AS last, min(at) AS first FROM standing_changes GROUP BY fleet, host)
                WHERE first < ?
                """, arguments: [time, time]
        ).map { StandingHost(fleet: $0["fleet"], name: $0["host"], isWatched: $0["is_watched"]) }
    }

    /// The number of the first change that stays: the first that is not too old. Later ones stay, too, although a clock that
    /// was set back may have dated them earlier.
    func firstKept(since time: String, _ db: Database) throws -> Int64 {
        let first = try Int64.fetchOne(
            db.cachedStatement(
                sql: "SELECT min(number) FROM standing_changes WHERE fleet = ? AND host = ? AND at >= ?"),
            arguments: [fleet, name, time])
        if let first { return first }
        guard isWatched else { return .max }
        return try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT max(number) FROM standing_changes WHERE fleet = ? AND host = ?"),
            arguments: [fleet, name]) ?? .max
    }
}
