import FoundationEssentials
import GRDB
import Reports
import Shared
import Verdict

/// How hosts and their transitions are written.
extension Ledger {
    static func insertHost(_ host: ExpectedHost, at position: Int, of verification: Int64, _ db: Database) throws {
        let waived = host.waiver.map {
            Report.Host.Waived(until: $0.until, reason: $0.reason, by: $0.by, expired: $0.isExpired)
        }
        let insert = try db.cachedStatement(
            sql: "INSERT INTO hosts (verification, position, name, url, labels, waived) VALUES (?, ?, ?, ?, ?, ?)")
        try insert.execute(arguments: [
            verification, position, host.name, host.url, try labels(host.labels), try waived.map(LedgerCoding.encode),
        ])
    }

    static func upsert(_ recorded: RecordedTransition, of verification: Int64, _ db: Database) throws {
        // What is there already and the same is not written again: the end of a run repeats all of them. A reason stays as it
        // was recorded; what a report makes of it now that the verdict is known is made again by whoever reads it.
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO transitions (verification, host, number, seconds, label, reason) VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT (verification, host, number) DO UPDATE
                SET seconds = excluded.seconds, label = excluded.label, reason = excluded.reason
                WHERE seconds != excluded.seconds OR label != excluded.label
                """)
        let transition = recorded.transition
        try insert.execute(arguments: [
            verification, recorded.host, recorded.number, transition.seconds, transition.status.rawValue,
            transition.reason,
        ])
    }

    /// Brings the hosts of a verification to what its report says of them.
    static func finishHosts(of verification: Int64, _ report: Report, _ db: Database) throws {
        var positions: [String: Int] = [:]
        let rows = try Row.fetchCursor(
            db, sql: "SELECT position, name FROM hosts WHERE verification = ?", arguments: [verification])
        while let row = try rows.next() { positions[row[1]] = row[0] }
        var next = (positions.values.max() ?? -1) + 1
        for (rank, host) in report.hosts.enumerated() {
            let position = positions[host.name] ?? next
            if position == next { next += 1 }
            try upsert(host, position: position, rank: rank, of: verification, db)
            // A report keeps the first and the latest of very many changes; what was recorded of them stays whole.
            guard host.transitions.count < HostTracker.maximumTransitions else { continue }
            for (number, transition) in host.transitions.enumerated() {
                try upsert(
                    RecordedTransition(host: position, number: number, transition: transition), of: verification, db)
            }
            let trim = try db.cachedStatement(
                sql: "DELETE FROM transitions WHERE verification = ? AND host = ? AND number >= ?")
            try trim.execute(arguments: [verification, position, host.transitions.count])
        }
    }

    private static func upsert(
        _ host: Report.Host, position: Int, rank: Int, of verification: Int64, _ db: Database
    ) throws {
        let upsert = try db.cachedStatement(
            sql: """
                INSERT INTO hosts (
                    verification, position, rank, name, url, labels, waived, label, reason, git_sha, digest, reach,
                    identity, build, runtime, attempts, seconds_to_converge, last_answer_age, clock_offset, details)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (verification, position) DO UPDATE SET
                    rank = excluded.rank, name = excluded.name, url = excluded.url, labels = excluded.labels,
                    waived = excluded.waived, label = excluded.label, reason = excluded.reason,
                    git_sha = excluded.git_sha, digest = excluded.digest, reach = excluded.reach,
                    identity = excluded.identity, build = excluded.build, runtime = excluded.runtime,
                    attempts = excluded.attempts, seconds_to_converge = excluded.seconds_to_converge,
                    last_answer_age = excluded.last_answer_age, clock_offset = excluded.clock_offset,
                    details = excluded.details
                """)
        try upsert.execute(arguments: [
            verification, position, rank, host.name, host.url, try labels(host.labels),
            try host.waived.map(LedgerCoding.encode), host.status.rawValue, host.reason, host.gitSHA?.hex,
            host.digest?.description, host.facts.reach.rawValue, host.facts.identity.rawValue,
            host.facts.build.rawValue, host.facts.runtime.rawValue, host.attempts, host.secondsToConverge,
            host.lastAnswerAgeSeconds, host.clockOffsetSeconds,
            try LedgerHosts.Details(host).map(LedgerCoding.encode),
        ])
    }

    /// Most hosts have none, and NULL costs nothing.
    private static func labels(_ labels: [String: String]) throws -> String? {
        labels.isEmpty ? nil : try LedgerCoding.encode(labels)
    }
}
