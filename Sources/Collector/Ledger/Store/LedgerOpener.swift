import FoundationEssentials
import GRDB
import Glibc
import Shared

/// Opens a ledger's database. Blocking: ``Ledger/open(path:for:options:)`` keeps it off the cooperative pool.
struct LedgerOpener {
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
        case .inspecting:
            try LedgerFile(path: path).inspect()
            return try attempt(openUnchanged)
        }
    }

    private func openForRecording() throws -> any DatabaseWriter {
        try checkUnchanged()
        let pool = try DatabasePool(path: location, configuration: configuration)
        try pool.writeWithoutTransaction { db in
            // GRDB sets NORMAL, which can lose the last transactions before a power failure.
            try db.execute(sql: "PRAGMA synchronous = FULL")
            if let pages = options.maximumPages { try db.execute(sql: "PRAGMA max_page_count = \(pages)") }
        }
        try pool.write { db in
            try LedgerSchema.migrate(db, path: path)
            // A real write of some pages: a full disk is noticed now and not after ten minutes of polling.
            try db.execute(
                sql: "INSERT INTO probe (id, content) VALUES (1, randomblob(32768)) "
                    + "ON CONFLICT (id) DO UPDATE SET content = excluded.content")
        }
        return pool
    }

    /// Checks read-only: nothing in another program's database must change, not even its journal mode.
    private func checkUnchanged() throws {
        do {
            try DatabaseQueue(path: location, configuration: readOnly).read { try LedgerSchema.check($0, path: path) }
        } catch let error as DatabaseError where error.needsRecovery {
            // The process that created the file was killed. SQLite rolls back the unfinished transaction, as for any reader.
            try DatabaseQueue(path: location, configuration: configuration).read {
                try LedgerSchema.check($0, path: path)
            }
        }
    }

    private func openForReading() throws -> any DatabaseWriter {
        let database = try openUnchanged()
        let version = try database.read { try LedgerSchema.version($0) }
        if version == LedgerSchema.version { return database }
        // An older ledger, or an empty file, becomes readable only by writing to it.
        try database.close()
        do {
            return try openForRecording()
        } catch {
            guard case .notWritable = LedgerError(error, path: path) else { throw error }
            throw LedgerError.olderSchema(path: path, version: version)
        }
    }

    /// Opens the database read-only.
    ///
    /// SQLite reads a file in WAL mode with a shared index beside it. If the index is missing and cannot be created, because
    /// the disk or the folder is read-only, no other process can be writing either, and the file is read alone, provided that
    /// no log beside it holds changes.
    private func openUnchanged() throws -> any DatabaseWriter {
        do {
            return try openReadOnly(location)
        } catch {
            guard case .notWritable = LedgerError(error, path: path), let folder = LedgerFile(path: path).lockedFolder
            else { throw error }
            guard !folder.holdsLog else { throw LedgerError.logUnreadable(path: path) }
            return try openReadOnly(folder.immutableURI)
        }
    }

    private func openReadOnly(_ location: String) throws -> any DatabaseWriter {
        do {
            let database = try DatabaseQueue(path: location, configuration: readOnly)
            try database.read { try LedgerSchema.check($0, path: path) }
            return database
        } catch let error as DatabaseError where error.needsRecovery {
            try checkUnchanged()
            return try DatabaseQueue(path: location, configuration: readOnly)
        }
    }

    /// The path, protected from SQLite builds that take a leading `file:` for a URI.
    private var location: String { path.hasPrefix("file:") ? "./\(path)" : path }

    private var readOnly: Configuration {
        var configuration = configuration
        configuration.readonly = true
        return configuration
    }

    private var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "ledger"
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(options.busyTimeout.seconds)
        configuration.maximumReaderCount = 4
        configuration.prepareDatabase { db in
            // For new files only: lets `ledger prune` release space without rewriting the file.
            if !db.configuration.readonly { try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL") }
        }
        return configuration
    }

    /// Retries while the database is locked: the switch to WAL needs exclusive access, and does not wait for it.
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

extension DatabaseError {
    /// True if reading needs a writer first, to roll back or merge the log of a killed process.
    fileprivate var needsRecovery: Bool {
        [.SQLITE_READONLY_ROLLBACK, .SQLITE_READONLY_RECOVERY].contains(extendedResultCode)
    }
}
