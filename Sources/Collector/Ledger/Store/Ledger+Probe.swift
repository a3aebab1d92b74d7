import GRDB

extension Ledger {
    /// Reads and writes a row, to find out whether the ledger is usable.
    package func probe() async throws(LedgerError) {
        try await write { db in
            try db.execute(
                sql: "INSERT INTO probe (id, content) VALUES (2, randomblob(8)) "
                    + "ON CONFLICT (id) DO UPDATE SET content = excluded.content")
        }
    }
}
