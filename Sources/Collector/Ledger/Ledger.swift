import Dispatch
import FoundationEssentials
package import GRDB
package import Logging

/// What was promoted, and what every verification of it saw: SQLite in WAL mode, one file.
///
/// A transaction that returned survives the end of the process at any moment, and of the machine (`synchronous = FULL`).
/// All functions are asynchronous and wait on the database's own queues: none blocks a thread of the cooperative pool. A
/// write that began ends, although its task may be cancelled, since a Ctrl-C must not lose the report.
///
/// ```swift
/// let ledger = try await Ledger.open(path: path)
/// let start = try await ledger.begin(run)
/// try await ledger.append(transitions, to: start.verification)
/// try await ledger.finish(report)
/// ```
package final class Ledger: Sendable {
    package let path: String
    private let database: any DatabaseWriter

    /// What it is opened for.
    package enum Purpose: Sendable {
        /// Makes it where there is none, and writes to it to see that it can be written.
        case recording
        /// There must be one. One that an older collector wrote is brought up to date; a whole one on a read-only disk is
        /// read as it is.
        case reading
        /// There must be one, of whatever version, and nothing of it is changed.
        case inspecting
    }

    package struct Options: Sendable {
        /// How long to wait for another process's transaction.
        var busyTimeout = Duration.seconds(5)
        /// SQLite's `max_page_count`, which makes a disk full wherever a test wants one; nil for none.
        var maximumPages: Int?

        package init(busyTimeout: Duration = Duration.seconds(5), maximumPages: Int? = nil) {
            self.busyTimeout = busyTimeout
            self.maximumPages = maximumPages
        }
    }

    private init(path: String, database: any DatabaseWriter) {
        self.path = path
        self.database = database
    }

    /// Opens the ledger and checks everything that can be checked before the work starts.
    package static func open(
        path: String, for purpose: Purpose = .recording, options: Options = Options()
    ) async throws(LedgerError) -> Ledger {
        let result: Result<Ledger, LedgerError> = await withCheckedContinuation { continuation in
            // Opening waits for files and locks, so it has a thread of its own.
            DispatchQueue.global(qos: .userInitiated).async {
                continuation.resume(
                    returning: Result { () throws(LedgerError) in
                        let database = try LedgerOpener(path: path, purpose: purpose, options: options).open()
                        return Ledger(path: path, database: database)
                    })
            }
        }
        return try result.get()
    }

    /// Closes the connections, and puts all of the ledger into its one file where no other process has it open. Nothing can
    /// be done with it afterwards.
    package func close() async throws(LedgerError) {
        let database = database
        try await shielded {
            // The one that closes last joins the log to the file, and connections that only read cannot.
            (database as? DatabasePool)?.invalidateReadOnlyConnections()
            try database.close()
        }
    }

    /// Closes it where a failure to do so changes nothing for anybody: it is logged.
    package func close(loggingTo logger: Logger) async {
        do {
            try await close()
        } catch {
            logger.warning("The ledger could not be closed", metadata: ["reason": "\(error)"])
        }
    }

    // MARK: - Access

    /// Runs in a snapshot: what others write meanwhile is not seen.
    package func read<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws(LedgerError) -> T {
        let database = database
        return try await shielded { try await database.read(body) }
    }

    /// Runs in one transaction: all or nothing, and no other process writes between its reads and its writes.
    package func write<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws(LedgerError) -> T {
        let database = database
        return try await shielded { try await database.write(body) }
    }

    /// Runs without a transaction of its own, which a damaged page would end, and all that comes after it with an error.
    package func look<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws(LedgerError) -> T {
        let database = database
        return try await shielded { try await database.unsafeRead(body) }
    }

    /// Runs alone among this process's accesses, outside of a transaction, for what SQLite does in none.
    func maintain<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws(LedgerError) -> T {
        let database = database
        return try await shielded { try await database.barrierWriteWithoutTransaction(body) }
    }

    /// A task of its own is not cancelled with the caller's.
    private func shielded<T: Sendable>(
        _ body: @escaping @Sendable () async throws -> T
    ) async throws(LedgerError) -> T {
        do {
            return try await Task { try await body() }.value
        } catch {
            throw LedgerError(error, path: path)
        }
    }
}
