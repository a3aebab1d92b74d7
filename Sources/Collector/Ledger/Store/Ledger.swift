import CollectorSupport
import FoundationEssentials
import GRDB
package import Logging

/// The history of promotions and verifications: SQLite in WAL mode, one file.
///
/// A committed transaction survives the end of the process at any moment, and of the machine (`synchronous = FULL`). All
/// functions are asynchronous and wait on the database's own queues, so none blocks a thread of the cooperative pool. A
/// write that has begun completes even if its task is cancelled, because a Ctrl-C must not lose the report.
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

    /// The kind of access that a ledger is opened for.
    package enum Purpose: Sendable {
        /// Creates the ledger if it is missing, and writes to it to make sure that it is writable.
        case recording
        /// The ledger must exist. An older collector's is brought up to date; on a read-only disk, one that was closed properly
        /// is read as it is.
        case reading
        /// The ledger must exist, in any version, and is not changed.
        case inspecting
    }

    package struct Options: Sendable {
        /// The longest wait for another process's transaction.
        var busyTimeout = Duration.seconds(5)
        /// SQLite's `max_page_count`, with which tests fill the disk; nil for no limit.
        var maximumPages: Int?

        init(busyTimeout: Duration = .seconds(5), maximumPages: Int? = nil) {
            self.busyTimeout = busyTimeout
            self.maximumPages = maximumPages
        }

        package static let standard = Options()
    }

    private init(path: String, database: any DatabaseWriter) {
        self.path = path
        self.database = database
    }

    /// Opens the ledger, after every check that can be made before the work starts.
    package static func open(
        path: String, for purpose: Purpose = .recording, options: Options = .standard
    ) async throws(LedgerError) -> Ledger {
        // Opening waits for files and locks.
        try await OwnThread.run {
            Result { () throws(LedgerError) in
                let database = try LedgerOpener(path: path, purpose: purpose, options: options).open()
                return Ledger(path: path, database: database)
            }
        }.get()
    }

    /// Opens the ledger that `--store` names, or the default one, for a command that only reads.
    package static func openForReading(
        store: String?, environment: [String: String]
    ) async throws(LedgerError) -> Ledger {
        guard let path = try LedgerPath.resolve(flag: store, environment: environment) else { throw .noPlace }
        return try await open(path: path, for: .reading)
    }

    /// Closes the connections, and merges the log into the one file if no other process has it open. The ledger cannot be used
    /// afterwards.
    package func close() async throws(LedgerError) {
        let database = database
        try await shielded {
            // The connection that closes last merges the log, and read-only ones cannot.
            (database as? DatabasePool)?.invalidateReadOnlyConnections()
            try database.close()
        }
    }

    /// Closes the ledger. A failure is only logged.
    package func close(loggingTo logger: Logger) async {
        do {
            try await close()
        } catch {
            logger.warning("Could not close the ledger", metadata: ["reason": "\(error)"])
        }
    }

    // MARK: - Access

    /// Runs in a snapshot: concurrent writes are not visible.
    func read<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws(LedgerError) -> T {
        let database = database
        return try await shielded { try await database.read(body) }
    }

    /// Runs in one transaction: all or nothing, and no other process writes between its reads and its writes.
    func write<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws(LedgerError) -> T {
        let database = database
        return try await shielded { try await database.write(body) }
    }

    /// Reads without a transaction, which a damaged page would end, and every later query with it.
    func readUnprotected<T: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(LedgerError) -> T {
        let database = database
        return try await shielded { try await database.unsafeRead(body) }
    }

    /// Runs alone among this process's accesses and outside of a transaction, as SQLite demands for maintenance.
    func maintain<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws(LedgerError) -> T {
        let database = database
        return try await shielded { try await database.barrierWriteWithoutTransaction(body) }
    }

    /// Runs in a task of its own, which the caller's cancellation does not reach.
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
