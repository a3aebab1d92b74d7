import FoundationEssentials
import GRDB
import Glibc
import Shared

/// Opens a ledger's database. Blocks; ``Ledger/open(path:for:options:)`` keeps it off the cooperative pool.
struct LedgerOpening {
    let path: String
    let purpose: Ledger.Purpose
    let options: Ledger.Options

    func open() throws(LedgerError) -> any DatabaseWriter {
        switch purpose {
        case .recording:
            try LedgerFile(path: path).prepare()
            return try attempt(openForRecording)
        case .reading:
            try LedgerFile(path: path).inspect()
            return try attempt(openForReading)
        }
    }

    private func openForRecording() throws -> any DatabaseWriter {
        // Read only at first: nothing of another program's database may change, not even its journal mode.
        try readOnly().read { try LedgerSchema.check($0, path: path) }
        let pool = try DatabasePool(path: path, configuration: configuration)
        try pool.writeWithoutTransaction { db in
            // GRDB sets NORMAL, with which the last transactions before a power failure may be lost.
            try db.execute(sql: "PRAGMA synchronous = FULL")
            if let pages = options.maximumPages { try db.execute(sql: "PRAGMA max_page_count = \(pages)") }
        }
        try pool.write { db in
            try LedgerSchema.migrate(db, path: path)
            // A real write of some pages: a full disk shows itself now and not after ten minutes of polling.
            try db.execute(
                sql: "INSERT INTO probe (id, content) VALUES (1, randomblob(32768)) "
                    + "ON CONFLICT (id) DO UPDATE SET content = excluded.content")
        }
        return pool
    }

    private func openForReading() throws -> any DatabaseWriter {
        let database = try readOnly()
        let version = try database.read { db in
            try LedgerSchema.check(db, path: path)
            return try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        }
        if version == LedgerSchema.version { return database }
        // An older ledger, or an empty file: only writing makes it readable.
        try database.close()
        return try openForRecording()
    }

    private func readOnly() throws -> DatabaseQueue {
        var configuration = configuration
        configuration.readonly = true
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    private var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "ledger"
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(options.busyTimeout.seconds)
        configuration.maximumReaderCount = 4
        return configuration
    }

    /// SQLite does not always wait by itself: the switch to WAL, which needs the database alone, says "busy" at once.
    private func attempt(_ body: () throws -> any DatabaseWriter) throws(LedgerError) -> any DatabaseWriter {
        let clock = ContinuousClock()
        let deadline = clock.now + options.busyTimeout
        while true {
            do {
                return try body()
            } catch {
                let error = LedgerError(error, path: path)
                guard case .locked = error, clock.now < deadline else { throw error }
                usleep(20_000)
            }
        }
    }
}
