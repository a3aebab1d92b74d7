import CollectorSupport
import FoundationEssentials
import GRDB
import Shared
import Verdict

/// Which verifications `ledger prune` keeps.
///
/// Besides what is asked for, these are kept however old they are: whatever still runs; of each service the last proof of
/// each of the last five promotions that the whole fleet converged on, because a tag is put back to a proven build; the
/// last one that converged; and the one that `--max-shrink` compares the next inventory with. Promotions are all kept: a
/// host that serves an old build is `behind` and not `foreign` only as long as the ledger knows that build, and they are
/// small.
package struct LedgerRetention: Hashable, Sendable {
    /// What started less than this ago is kept.
    package var age: Duration
    /// So many of the last ones of each service are kept. 1 or more.
    package var last = 1

    package init(age: Duration, last: Int = 1) {
        self.age = age
        self.last = last
    }

    /// Proven promotions of each service whose last proof is kept: as far back as `rollback` can be run again and again.
    static let provenPromotions = 5

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

    /// What is kept of one service, seen from its last verification back.
    private struct Kept {
        private var count = 0
        private var hasConverged = false
        private var hasInventory = false
        private var proven: Set<Int> = []

        /// - Parameter provenGeneration: the promotion, where the whole fleet was verified.
        mutating func needs(_ verdict: Verdict?, isStored: Bool, provenGeneration: Int?, last: Int) -> Bool {
            count += 1
            var isNeeded = count <= last
            if verdict == .converged || verdict == .convergedTolerated {
                if !hasConverged { isNeeded = true }
                hasConverged = true
                // As BuildHistory takes a proof.
                if let provenGeneration, proven.count < LedgerRetention.provenPromotions,
                    proven.insert(provenGeneration).inserted
                {
                    isNeeded = true
                }
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
