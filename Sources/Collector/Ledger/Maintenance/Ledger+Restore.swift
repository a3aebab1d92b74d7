import CollectorSupport
import Dispatch
package import FoundationEssentials
import GRDB
import Glibc
import Shared
import Verdict

extension Ledger {
    /// Puts a backup in the place of the ledger, and keeps the replaced ledger beside it.
    ///
    /// A usable ledger is overwritten in one transaction, so that a process that opens it meanwhile sees either ledger whole. A
    /// damaged one, or one with a newer schema, is moved aside. The backup's schema stays as it is.
    ///
    /// - Parameters:
    ///   - path: the ledger; it may be damaged or missing.
    ///   - source: the backup, or any other ledger. It is not changed.
    ///   - ignoresOpenWork: true if verifications and changes of tags that the ledger records as open are forgotten.
    ///   - now: the wall clock.
    /// - Throws: ``LedgerCopyError``, or ``LedgerError`` if the path is another program's.
    package static func restore(
        path: String, from source: String, ignoresOpenWork: Bool = false, now: Date,
        monitor: LedgerCopyMonitor = LedgerCopyMonitor()
    ) async throws -> RestoreResult {
        guard source != "-" else { throw LedgerCopyError.notAFile }
        let backup = try await openBackup(source)
        do {
            guard !LedgerPlace.isSameFile(path, source) else { throw LedgerCopyError.isLedger(path: source) }
            let place = LedgerPlace(path: path)
            let present = try await place.inspect(ignoresOpenWork: ignoresOpenWork, now: now)
            // Not ``read``: a damaged page ends its transaction, and its error would hide what was found.
            let result = try await backup.readUnprotected { db in
                try db.execute(sql: "BEGIN")
                defer { db.endTransaction() }
                return Result {
                    try LedgerRestore(place: place, present: present, copy: LedgerCopy(monitor: monitor), now: now)
                        .run(db, from: source)
                }
            }.get()
            try await backup.close()
            return result
        } catch {
            await backup.closeQuietly()
            throw error
        }
    }

    private static func openBackup(_ path: String) async throws(LedgerCopyError) -> Ledger {
        do throws(LedgerError) {
            return try await open(path: path, for: .inspecting)
        } catch {
            switch error {
            case .absent: throw .noBackup(path: path)
            case .isDirectory: throw .isDirectory(path: path)
            case .notADatabase, .notALedger: throw .notABackup(path: path)
            case .newerSchema(_, let version): throw .newerBackup(path: path, version: version)
            case .damaged: throw .damagedBackup(path: path, finding: "its list of tables cannot be read")
            case .failed(_, let reason): throw .failed(path: path, reason: reason)
            default: throw .failed(path: path, reason: "\(error)")
            }
        }
    }
}

extension Database {
    /// Ends a transaction in which nothing was written.
    fileprivate func endTransaction() {
        do {
            if isInsideTransaction { try execute(sql: "ROLLBACK") }
        } catch {
            // Closing the connection ends it, too.
        }
    }
}

/// The result of `ledger restore`.
package struct RestoreResult: Codable, Hashable, Sendable {
    private var schema = 1
    /// The ledger.
    let path: String
    let backup: String
    /// The path that keeps the replaced ledger; nil if there was none.
    @ExplicitNull var replaced: String?
    /// The schema of the restored ledger.
    let version: Int
    let counts: LedgerCheckResult.Counts
    /// The start of the last verification in it, RFC 3339; nil if it has none.
    @ExplicitNull var lastStartedAt: String?
    /// Contradictions in the backup, which are in the ledger now.
    package let warnings: [String]

    init(path: String, backup: String, replaced: String?, lastStartedAt: String?, _ check: LedgerCheckResult) {
        self.path = path
        self.backup = backup
        version = check.version ?? 0
        counts = check.counts ?? .init()
        warnings = check.contradictions
        (self.replaced, self.lastStartedAt) = (replaced, lastStartedAt)
    }

    enum CodingKeys: String, CodingKey {
        case schema, path, backup, replaced, version, counts, warnings
        case lastStartedAt = "last_started_at"
    }

    package func text() -> String {
        let last = lastStartedAt.map { ", the last from \($0)" } ?? ""
        let replaced = self.replaced.map { "the replaced ledger is kept as \(Sanitizer.singleLine($0, limit: 220))\n" }
        return
            "restored \(Sanitizer.singleLine(path, limit: 200)) from \(Sanitizer.singleLine(backup, limit: 200)): schema "
            + "\(version), promotions \(counts.promotions), verifications \(counts.verifications)\(last)\n"
            + (replaced ?? "")
            + "later promotions are unknown to this ledger: verify the present build before the next promotion\n"
    }
}

/// The place of the ledger that is restored.
struct LedgerPlace: Sendable {
    let path: String

    enum Present: Hashable, Sendable {
        case missing
        /// It can be overwritten.
        case usable
        /// Damaged, or of a newer collector.
        case unreadable
    }

    /// The present ledger, which no process may have open.
    func inspect(ignoresOpenWork: Bool, now: Date) async throws -> Present {
        var status = stat()
        guard stat(path, &status) == 0 else { return .missing }
        guard status.st_mode & S_IFMT != S_IFDIR else { throw LedgerCopyError.isDirectory(path: path) }
        try requireUnused()
        let open: LedgerCopyError?
        do throws(LedgerError) {
            open = try await openWork(now: now)
        } catch {
            switch error {
            case .damaged, .newerSchema, .notADatabase: return .unreadable
            default: throw error
            }
        }
        if let open, !ignoresOpenWork { throw open }
        return .usable
    }

    private func openWork(now: Date) async throws(LedgerError) -> LedgerCopyError? {
        let path = path
        let ledger = try await Ledger.open(path: path, for: .inspecting)
        do throws(LedgerError) {
            let open = try await ledger.read { try Self.openWork($0, path: path, now: now) }
            try await ledger.close()
            return open
        } catch {
            await ledger.closeQuietly()
            throw error
        }
    }

    /// A verification or a change of a tag that might still be going on.
    private static func openWork(_ db: Database, path: String, now: Date) throws -> LedgerCopyError? {
        let version = try LedgerSchema.version(db)
        guard version > 0 else { return nil }
        let observer = ProcessIdentity.current()
        let rows = try Row.fetchCursor(db, sql: "SELECT * FROM verifications WHERE state = 'running'")
        while let row = try rows.next() {
            if LedgerState(row, observer: observer, now: now) == .running { return .running(path: path, id: row["id"]) }
        }
        guard version >= 3 else { return nil }
        let entry = try Row.fetchOne(db, sql: "SELECT * FROM journal WHERE state = 'intended' LIMIT 1")
        return try entry.map { .openChange(path: path, try Ledger.entry($0)) }
    }

    /// Requires that no other process has the ledger open. Every connection in WAL mode holds a shared lock; SQLite's file
    /// format, section "Locking".
    func requireUnused() throws(LedgerCopyError) {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw .notWritable(path: path, reason: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var lock = Glibc.flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        lock.l_start = 0x4000_0000
        lock.l_len = 512
        guard fcntl(descriptor, F_GETLK, &lock) == 0 else { return }
        guard lock.l_type == Int16(F_UNLCK) else { throw .inUse(path: path) }
    }

    static func isSameFile(_ first: String, _ second: String) -> Bool {
        var statuses = (stat(), stat())
        guard stat(first, &statuses.0) == 0, stat(second, &statuses.1) == 0 else { return false }
        return statuses.0.st_dev == statuses.1.st_dev && statuses.0.st_ino == statuses.1.st_ino
    }
}

/// The restoring itself. Blocking.
private struct LedgerRestore {
    let place: LedgerPlace
    let present: LedgerPlace.Present
    let copy: LedgerCopy
    let now: Date

    private var path: String { place.path }

    /// - Parameter db: the backup, in a transaction: what is checked is what is copied.
    func run(_ db: Database, from source: String) throws -> RestoreResult {
        let check = Ledger.check(db, path: source, now: now) { copy.monitor.progress($0) }
        if let damage = check.damage { throw LedgerCopyError.damagedBackup(path: source, finding: damage) }
        guard check.version != 0 else { throw LedgerCopyError.notABackup(path: source) }
        let last = try String.fetchOne(db, sql: "SELECT started_at FROM verifications ORDER BY number DESC LIMIT 1")
        let replaced: String?
        switch present {
        case .usable: replaced = try overwrite(db)
        case .missing:
            replaced = nil
            try place(db, like: nil)
        case .unreadable:
            var status = stat()
            guard stat(path, &status) == 0 else { throw LedgerCopyError.failed(path: path, reason: "it vanished") }
            // The copy is complete before the ledger is moved.
            replaced = try place(db, like: status)
        }
        return RestoreResult(path: path, backup: source, replaced: replaced, lastStartedAt: last, check)
    }

    /// Keeps a copy of the usable ledger, and overwrites it in one transaction.
    private func overwrite(_ db: Database) throws -> String {
        let kept = keptPath()
        var configuration = Configuration()
        configuration.busyMode = .timeout(Ledger.Options.standard.busyTimeout.seconds)
        do {
            let ledger = try DatabaseQueue(
                path: path.hasPrefix("file:") ? "./\(path)" : path, configuration: configuration)
            var status = stat()
            guard stat(path, &status) == 0 else { throw LedgerCopyError.failed(path: path, reason: "it vanished") }
            try ledger.read { present in
                var file = try PartialFile(beside: path)
                _ = try copy.write(present, to: file.path, named: kept, now: now)
                try file.publish(
                    as: kept, mode: status.st_mode, group: status.st_gid, owner: status.st_uid, replaces: false)
            }
            try ledger.writeWithoutTransaction { present in
                try copy.copy(db, to: present)
                _ = try present.checkpoint(.truncate)
            }
            try ledger.close()
        } catch {
            throw LedgerCopyError(writing: error, path: path)
        }
        return kept
    }

    /// Writes the backup to the ledger's path.
    ///
    /// - Parameter former: the file that is moved aside; nil without one.
    @discardableResult
    private func place(_ db: Database, like former: stat?) throws -> String? {
        try LedgerFile(path: path).makeFolder()
        var folder = stat()
        guard stat(FilePath.folder(of: path), &folder) == 0 else { throw LedgerCopyError.missingFolder(path: path) }
        var file = try PartialFile(beside: path)
        _ = try copy.write(db, to: file.path, named: path, now: now)
        var kept: String?
        if former != nil {
            try place.requireUnused()
            let aside = keptPath()
            for suffix in PartialFile.companions + [""] {
                guard rename(path + suffix, aside + suffix) == 0 || errno == ENOENT else {
                    throw LedgerCopyError.notWritable(path: path, reason: String(cString: strerror(errno)))
                }
            }
            kept = aside
        }
        let owner = getuid() == 0 ? (former?.st_uid ?? folder.st_uid) : nil
        // Also removes a log that was left behind without its ledger.
        try file.publish(
            as: path, mode: former?.st_mode ?? 0o600, group: former?.st_gid ?? folder.st_gid, owner: owner,
            replaces: true)
        return kept
    }

    /// A free path beside the ledger, for example `ledger.db.replaced-20261129T005100Z`.
    private func keptPath() -> String {
        let style = Date.ISO8601FormatStyle(dateSeparator: .omitted, timeSeparator: .omitted)
        let base = "\(path).replaced-\(now.formatted(style))"
        var (candidate, number, status) = (base, 1, stat())
        while lstat(candidate, &status) == 0 {
            number += 1
            candidate = "\(base)-\(number)"
        }
        return candidate
    }
}
