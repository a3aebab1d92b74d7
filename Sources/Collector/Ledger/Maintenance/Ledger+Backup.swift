import CollectorSupport
import Dispatch
package import FoundationEssentials
import GRDB
import Glibc
import Shared
import Verdict

/// The progress and the interruption of a backup or restore.
package struct LedgerCopyMonitor: Sendable {
    /// Called with what is being done.
    let progress: @Sendable (String) -> Void
    /// The signal that interrupts the work; nil while there is none.
    let signal: @Sendable () -> Int32?

    package init(
        progress: @escaping @Sendable (String) -> Void = { _ in }, signal: @escaping @Sendable () -> Int32? = { nil }
    ) {
        self.progress = progress
        self.signal = signal
    }
}

extension Ledger {
    /// Copies the ledger to a file while other processes record, and checks the copy before it takes its name.
    ///
    /// The backup is one file without a log, with the ledger's schema, and complete or not there at all.
    ///
    /// - Parameters:
    ///   - path: the ledger, in any version; it is not changed.
    ///   - target: the backup.
    ///   - replaces: true if a file at `target` is replaced.
    ///   - now: the wall clock, for verifications whose process cannot be observed.
    /// - Throws: ``LedgerError`` if the ledger cannot be read, ``LedgerCopyError`` for anything else.
    package static func backUp(
        path: String, to target: String, replaces: Bool, now: Date, monitor: LedgerCopyMonitor = LedgerCopyMonitor()
    ) async throws -> BackupResult {
        let ledger = try await open(path: path, for: .inspecting)
        do {
            try BackupTarget(path: target).check(ledger: path, replaces: replaces)
            let result = try await ledger.read { db in
                Result {
                    try LedgerCopy(monitor: monitor).backUp(db, of: path, to: target, replaces: replaces, now: now)
                }
            }.get()
            try await ledger.close()
            return result
        } catch {
            await ledger.closeQuietly()
            throw error
        }
    }

    /// Closes a ledger after an error that matters more than a failure to close.
    func closeQuietly() async {
        do { try await close() } catch {}
    }
}

/// The result of `ledger backup`.
package struct BackupResult: Codable, Hashable, Sendable {
    private var schema = 1
    /// The ledger.
    let path: String
    let backup: String
    /// The schema of the backup.
    let version: Int
    /// The size of the backup.
    let bytes: Int
    let counts: LedgerCheckResult.Counts
    /// Contradictions in the ledger, which are in the backup, too.
    package let warnings: [String]

    init(path: String, backup: String, _ check: LedgerCheckResult) {
        self.path = path
        self.backup = backup
        version = check.version ?? 0
        bytes = check.bytes
        counts = check.counts ?? .init()
        warnings = check.contradictions
    }

    package func text() -> String {
        "backed up \(Sanitizer.singleLine(path, limit: 200)) to \(Sanitizer.singleLine(backup, limit: 200)): "
            + "\(ByteCount(bytes)), schema \(version), promotions \(counts.promotions), verifications "
            + "\(counts.verifications); checked\n"
    }
}

/// The path that a backup is written to.
private struct BackupTarget {
    let path: String

    func check(ledger: String, replaces: Bool) throws(LedgerCopyError) {
        guard path != "-" else { throw .notAFile }
        guard !path.isEmpty else { throw .missingFolder(path: path) }
        var status = stat()
        guard lstat(path, &status) == 0 else {
            guard path.hasSuffix("/") else { return }
            throw .isDirectory(path: path)
        }
        guard !LedgerPlace.isSameFile(path, ledger) else { throw .isLedger(path: path) }
        if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { throw .isDirectory(path: path) }
        guard replaces else { throw .exists(path: path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .notWritable(path: path, reason: "it is not a regular file")
        }
        do throws(LedgerCopyError) {
            try LedgerPlace(path: path).requireUnused()
        } catch .inUse {
            throw .isOpen(path: path)
        }
    }
}

/// Copies of whole ledgers with SQLite's online backup. Blocking.
struct LedgerCopy {
    let monitor: LedgerCopyMonitor

    /// The pages of one step, after which the progress is shown.
    private static let pagesPerStep: CInt = 2_048

    /// - Parameter db: in a transaction, which keeps one state of the ledger although other processes record.
    func backUp(
        _ db: Database, of path: String, to target: String, replaces: Bool, now: Date
    ) throws -> BackupResult {
        var status = stat()
        guard stat(path, &status) == 0 else { throw LedgerError.absent(path: path) }
        var file = try PartialFile(beside: target)
        let check = try write(db, to: file.path, named: target, now: now)
        if let damage = check.damage { throw LedgerCopyError.damagedLedger(path: path, finding: damage) }
        try file.publish(as: target, mode: status.st_mode, group: status.st_gid, owner: nil, replaces: replaces)
        return BackupResult(path: path, backup: target, check)
    }

    /// Writes a copy that consists of one file, and checks it as it is on the disk.
    ///
    /// - Parameter target: the path for errors.
    func write(_ db: Database, to path: String, named target: String, now: Date) throws -> LedgerCheckResult {
        do {
            let copy = try DatabaseQueue(path: location(path))
            try copy.writeWithoutTransaction { copied in
                try self.copy(db, to: copied)
                // Otherwise, a reader would have to create a log beside the backup.
                try copied.execute(sql: "PRAGMA journal_mode = DELETE")
            }
            try copy.close()
            let written = try DatabaseQueue(path: location(path))
            let check = written.unsafeRead { copied in
                Ledger.check(copied, path: path, now: now) { monitor.progress($0) }
            }
            try written.close()
            try requireUninterrupted()
            return check
        } catch {
            throw LedgerCopyError(writing: error, path: target)
        }
    }

    func copy(_ source: Database, to destination: Database) throws {
        // The first read fixes the state that is copied.
        _ = try Int.fetchOne(source, sql: "PRAGMA schema_version")
        let pageSize = try Int.fetchOne(source, sql: "PRAGMA page_size") ?? 0
        try source.backup(to: destination, pagesPerStep: Self.pagesPerStep) { progress in
            try requireUninterrupted()
            let copied = ByteCount(progress.completedPageCount * pageSize)
            monitor.progress("copied \(copied) of \(ByteCount(progress.totalPageCount * pageSize))")
        }
        // The last step does not call the progress.
        try requireUninterrupted()
    }

    private func requireUninterrupted() throws(LedgerCopyError) {
        if let signal = monitor.signal() { throw .interrupted(signal: signal, what: "nothing was changed") }
    }

    private func location(_ path: String) -> String { path.hasPrefix("file:") ? "./\(path)" : path }
}
