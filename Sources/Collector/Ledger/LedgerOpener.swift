import FoundationEssentials
import GRDB
import Glibc
import Shared

/// Opens a ledger's database. Blocks; ``Ledger/open(path:for:options:)`` keeps it off the cooperative pool.
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
        let pool = try DatabasePool(path: place, configuration: configuration)
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

    /// Read only at first: nothing of another program's database may change, not even its journal mode.
    private func checkUnchanged() throws {
        do {
            try DatabaseQueue(path: place, configuration: readOnly).read { try LedgerSchema.check($0, path: path) }
        } catch let error as DatabaseError where error.needsRecovery {
            // Whoever made the file was killed over it. SQLite takes back what was half done, as any reader would.
            try DatabaseQueue(path: place, configuration: configuration).read { try LedgerSchema.check($0, path: path) }
        }
    }

    private func openForReading() throws -> any DatabaseWriter {
        let database = try openUnchanged()
        let version = try database.read { try LedgerSchema.version($0) }
        if version == LedgerSchema.version { return database }
        // An older ledger, or an empty file: only writing makes it readable.
        try database.close()
        do {
            return try openForRecording()
        } catch {
            guard case .notWritable = LedgerError(error, path: path) else { throw error }
            throw LedgerError.olderSchema(path: path, version: version)
        }
    }

    /// Opens it for a look that changes nothing.
    ///
    /// A file in WAL mode is read with a shared index beside it. Where none is and none can be made, because the disk or the
    /// folder is read-only, nobody else can be writing there either, and the file alone is read: so long as it is whole.
    private func openUnchanged() throws -> any DatabaseWriter {
        do {
            return try opened(place)
        } catch {
            guard case .notWritable = LedgerError(error, path: path), let folder = LedgerFile(path: path).lockedFolder
            else { throw error }
            guard !folder.holdsLog else { throw LedgerError.logUnreadable(path: path) }
            return try opened(folder.immutableURI)
        }
    }

    private func opened(_ place: String) throws -> any DatabaseWriter {
        do {
            let database = try DatabaseQueue(path: place, configuration: readOnly)
            try database.read { try LedgerSchema.check($0, path: path) }
            return database
        } catch let error as DatabaseError where error.needsRecovery {
            try checkUnchanged()
            return try DatabaseQueue(path: place, configuration: readOnly)
        }
    }

    /// Many a SQLite takes what begins with `file:` for a URI.
    private var place: String { path.hasPrefix("file:") ? "./\(path)" : path }

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
            // Has an effect on a new file only: lets `ledger prune` give space back without rewriting the whole.
            if !db.configuration.readonly { try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL") }
        }
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

extension DatabaseError {
    /// Whether reading needs a writer first, to take back or to join what a killed process left.
    fileprivate var needsRecovery: Bool {
        [.SQLITE_READONLY_ROLLBACK, .SQLITE_READONLY_RECOVERY].contains(extendedResultCode)
    }
}
