import GRDB
import Glibc
package import Shared
package import Verdict

/// The reason why the ledger cannot be used: one sentence with the path and the remedy.
package enum LedgerError: ExitCoded, Hashable {
    /// `$STATE_DIRECTORY`, `$XDG_STATE_HOME` and `$HOME` are all unset.
    case noPlace
    case emptyPath
    case isDirectory(path: String)
    /// No permission, a read-only file system, or a folder that cannot be created.
    case notWritable(path: String, reason: String)
    case notADatabase(path: String)
    /// A database of another program.
    case notALedger(path: String)
    case damaged(path: String)
    /// A later version of the collector wrote it.
    case newerSchema(path: String, version: Int)
    /// An earlier version wrote it, and it cannot be migrated in its place.
    case olderSchema(path: String, version: Int)
    /// It was not closed, and its log cannot be merged in its place.
    case logUnreadable(path: String)
    /// The file does not exist, and only reading was requested.
    case absent(path: String)
    case unknownVerification(id: String, path: String)
    /// Several ids have this beginning. `candidates` are the newest of `count`.
    case ambiguous(prefix: String, candidates: [String], count: Int)
    /// No verification has ended, of the service, of the environment, or at all.
    case noVerification(path: String, service: String? = nil, environment: EnvironmentName? = nil)
    /// Locked by another process for longer than the busy timeout.
    case locked(path: String)
    case diskFull(path: String)
    /// The verification has no report yet.
    case stillRunning(id: String)
    /// `--generation` names an unknown promotion, or one with another target.
    case otherPromotion(Int, service: DeployedService, isKnown: Bool)
    /// The ledger has the environment in other letters, as a name that would have a history of its own.
    case otherSpelling(DeployedService, known: EnvironmentName)
    /// An I/O error, or any other error from SQLite.
    case failed(path: String, reason: String)

    package var exitStatus: ExitStatus {
        switch self {
        case .noPlace, .emptyPath, .isDirectory, .notWritable, .notADatabase, .notALedger, .newerSchema, .olderSchema,
            .logUnreadable, .absent, .unknownVerification, .ambiguous, .noVerification, .otherPromotion, .otherSpelling:
            .usage
        case .damaged, .locked, .diskFull, .stillRunning, .failed: .unavailable
        }
    }
}

extension LedgerError: CustomStringConvertible {
    package var description: String {
        text("choose another with --store, or use --store none", with: "--store", or: ", or --store none")
    }

    /// As ``description``, for a service: the key `store` of its configuration names its ledger.
    package var serviceDescription: String { text("choose another with store", with: "store", or: "") }

    private func text(_ remedy: String, with option: String, or none: String) -> String {
        switch self {
        case .noPlace:
            "cannot determine the ledger's path ($STATE_DIRECTORY, $XDG_STATE_HOME and $HOME are unset): "
                + "give \(option) PATH\(none)"
        case .emptyPath: "\(option) is empty: give the path of a file\(none)"
        case .isDirectory(let path):
            "the ledger '\(Self.shown(path))' is a directory: give the path of a file in it with \(option)"
        case .notWritable(let path, let reason):
            "the ledger '\(Self.shown(path))' is not writable (\(Sanitizer.singleLine(reason))): \(remedy)"
        case .notADatabase(let path):
            "'\(Self.shown(path))' is not an SQLite database and was not changed: \(remedy)"
        case .notALedger(let path):
            "'\(Self.shown(path))' is another program's database and was not changed: \(remedy)"
        case .damaged(let path):
            "the ledger '\(Self.shown(path))' is damaged: ledger check shows where; restore a backup with ledger restore, move it away, "
                + "or \(remedy)"
        case .newerSchema(let path, let version):
            "the ledger '\(Self.shown(path))' has schema \(version), of a newer collector: upgrade this one, or \(remedy)"
        case .olderSchema(let path, let version):
            "the ledger '\(Self.shown(path))' has schema \(version), of an older collector, and is not writable, so it "
                + "cannot be upgraded: copy it to a writable folder, and give that path with \(option)"
        case .logUnreadable(let path):
            "the ledger '\(Self.shown(path))' was not closed, and its log '-wal' cannot be read in a read-only folder: "
                + "copy both files to a writable folder, and give that path with \(option)"
        case .absent(let path):
            "the ledger '\(Self.shown(path))' does not exist: verify creates it; give another path with \(option)"
        case .unknownVerification(let id, let path):
            "the ledger '\(Self.shown(path))' has no verification '\(Self.shown(id))': history lists the ids"
        case .ambiguous(let prefix, let candidates, let count):
            "the ids of \(count) verifications begin with '\(Self.shown(prefix))' "
                + "(\(candidates.map(Self.shown).joined(separator: ", "))\(count > candidates.count ? ", …" : "")): "
                + "give more of the id"
        case .noVerification(let path, let service, let environment):
            "the ledger '\(Self.shown(path))' has no completed verification"
                + "\(service.map { " of '\(Self.shown($0))'" } ?? "")\(environment.map { " in \($0)" } ?? ""): "
                + "run verify first, or give another path with \(option)"
        case .locked(let path):
            "the ledger '\(Self.shown(path))' is locked by another process: try again later, or \(remedy)"
        case .diskFull(let path):
            "the disk of the ledger '\(Self.shown(path))' is full: free some space, or \(remedy)"
        case .stillRunning(let id):
            "the verification '\(Self.shown(id))' is still running: its report is available when it ends"
        case .otherPromotion(let generation, let service, let isKnown):
            "--generation \(generation): "
                + (isKnown
                    ? "that promotion of \(Self.shown("\(service)")) has another commit or digest"
                    : "the ledger has no such promotion of \(Self.shown("\(service)"))")
                + ": take the number from its verification's report, or omit --generation"
        case .otherSpelling(let service, let known):
            "the ledger knows the environment '\(service.environment)' of \(Self.shown(service.name)) as '\(known)': "
                + "give --environment \(known)"
        case .failed(let path, let reason):
            "the ledger '\(Self.shown(path))' failed (\(Sanitizer.singleLine(reason, limit: 200))): check its disk, or \(remedy)"
        }
    }

    private static func shown(_ text: String) -> String { Sanitizer.singleLine(text, limit: 200) }
}

// MARK: - SQLite

extension LedgerError {
    /// The meaning of a database error for the ledger at `path`.
    init(_ error: any Error, path: String) {
        switch error {
        case let error as LedgerError: self = error
        case let error as DatabaseError: self.init(error, path: path)
        default: self = .failed(path: path, reason: "\(error)")
        }
    }

    private init(_ error: DatabaseError, path: String) {
        let reason = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED: self = .locked(path: path)
        case .SQLITE_FULL: self = .diskFull(path: path)
        case .SQLITE_NOTADB: self = .notADatabase(path: path)
        case .SQLITE_CORRUPT: self = .damaged(path: path)
        // A full disk appears as these too when it affects the shared memory's file or a new file.
        case .SQLITE_IOERR where Self.isDiskFull(at: path), .SQLITE_CANTOPEN where Self.isDiskFull(at: path):
            self = .diskFull(path: path)
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH, .SQLITE_CANTOPEN:
            self = .notWritable(path: path, reason: reason)
        default: self = .failed(path: path, reason: reason)
        }
    }

    private static func isDiskFull(at path: String) -> Bool {
        var status = statvfs()
        return statvfs(path, &status) == 0 && (status.f_bavail == 0 || (status.f_files > 0 && status.f_favail == 0))
    }
}
