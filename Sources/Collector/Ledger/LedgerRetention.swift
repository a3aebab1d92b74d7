import FoundationEssentials
import GRDB
import Shared

/// Which verifications `ledger prune` keeps.
///
/// Besides what is asked for, these are kept however old they are: whatever still runs; of each service the last one that
/// converged; and of each service the one that `--max-shrink` compares the next inventory with. Promotions are all kept: a
/// host that serves an old build is `behind` and not `foreign` only as long as the ledger knows that build, and they are
/// small.
struct LedgerRetention: Hashable, Sendable {
    /// What started less than this ago is kept.
    var age: Duration
    /// So many of the last ones of each service are kept. 1 or more.
    var last = 1

    /// The ledger's numbers of the verifications that are not kept, oldest first.
    ///
    /// - Parameter now: the wall clock.
    func excess(now: Date, _ db: Database) throws -> [Int64] {
        let oldest = now.addingTimeInterval(-age.seconds).rfc3339
        let observer = ProcessIdentity.current()
        var services: [String: Kept] = [:]
        var excess: [Int64] = []
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT number, service, state, verdict, started_at, timeout, pid, process_start, pid_namespace, boot
                FROM verifications ORDER BY number DESC
                """)
        while let row = try rows.next() {
            let state = LedgerState(row, observer: observer, now: now)
            let verdict = try Ledger.verdict(row, state)
            let started: String = row["started_at"]
            let isNeeded = services[row["service"], default: Kept()].needs(
                verdict, isStored: state == .finished, last: last)
            if !isNeeded, state != .running, started < oldest { excess.append(row["number"]) }
        }
        return excess.reversed()
    }

    /// What is kept of one service, seen from its last verification back.
    private struct Kept {
        private var count = 0
        private var hasConverged = false
        private var hasInventory = false

        mutating func needs(_ verdict: Verdict?, isStored: Bool, last: Int) -> Bool {
            count += 1
            var isNeeded = count <= last
            if !hasConverged, verdict == .converged || verdict == .convergedTolerated {
                hasConverged = true
                isNeeded = true
            }
            // As Ledger.previousExpected(service:) chooses.
            if !hasInventory, isStored, verdict != .emptyInventory, verdict != .inventoryShrunk {
                hasInventory = true
                isNeeded = true
            }
            return isNeeded
        }
    }
}
