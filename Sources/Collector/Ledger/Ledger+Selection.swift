import GRDB
import Reports
import Shared
import Verdict

extension Ledger {
    /// How many hosts, waived ones too, the same selection of the service's hosts held when it was last verified; nil
    /// where it never was.
    ///
    /// A part of a fleet is compared with the same part only: its size says nothing about the whole.
    ///
    /// - Parameter selected: as ``Report/InventorySummary/selected`` has it.
    package func previousSelected(
        service: String, selected: [String], allowance: Double = InventoryBaseline.standardAllowance
    ) async throws(LedgerError) -> Int? {
        guard !selected.isEmpty else { return nil }
        return try await read { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT generation, inventory FROM verifications
                    WHERE service = ? AND state = 'finished' AND generation IS NOT NULL AND verdict NOT IN (?, ?)
                        AND inventory LIKE '%"selected"%'
                    ORDER BY number DESC
                    """,
                arguments: [service, Verdict.emptyInventory.rawValue, Verdict.inventoryShrunk.rawValue])
            var sizes: [Int] = []
            var promoted: Int??
            while let row = try rows.next() {
                let inventory: Report.InventorySummary = try LedgerCoding.decode(row["inventory"])
                guard inventory.selected == selected else { continue }
                let generation: Int? = row["generation"]
                guard generation == promoted ?? generation else { break }
                promoted = generation
                sizes.append(inventory.expected)
            }
            return InventoryBaseline.of(sizes.reversed(), allowance: allowance)
        }
    }
}
