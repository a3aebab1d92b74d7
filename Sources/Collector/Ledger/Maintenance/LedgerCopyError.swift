import CollectorSupport
package import Shared
package import Verdict

/// The reason that a ledger was not backed up or restored: one sentence with the remedy.
package enum LedgerCopyError: ExitCoded, Hashable {
    /// `-` was given for a backup, which is a database file.
    case notAFile
    case isDirectory(path: String)
    case missingFolder(path: String)
    /// The backup's path is taken, and replacing was not requested.
    case exists(path: String)
    /// The backup's path is the ledger's own.
    case isLedger(path: String)
    /// Another process has the file at the backup's path open as a database.
    case isOpen(path: String)
    case notWritable(path: String, reason: String)
    case diskFull(path: String)
    /// The ledger to back up is damaged, and so would the backup be.
    case damagedLedger(path: String, finding: String)
    case noBackup(path: String)
    case notABackup(path: String)
    case damagedBackup(path: String, finding: String)
    /// A later version of the collector wrote the backup.
    case newerBackup(path: String, version: Int)
    /// Another process has the ledger open.
    case inUse(path: String)
    /// A verification that might still be running.
    case running(path: String, id: String)
    /// A change of a tag whose outcome is not known.
    case openChange(path: String, JournalEntry)
    case interrupted(signal: Int32, what: String)
    case failed(path: String, reason: String)

    package var exitStatus: ExitStatus {
        switch self {
        case .notAFile, .isDirectory, .missingFolder, .exists, .isLedger, .isOpen, .notWritable, .noBackup, .notABackup,
            .newerBackup:
            .usage
        case .diskFull, .damagedLedger, .damagedBackup, .inUse, .running, .openChange, .failed: .unavailable
        case .interrupted(let signal, _): .interrupted(by: signal)
        }
    }

    package var description: String {
        switch self {
        case .notAFile: "invalid path '-': a ledger is a database file and cannot be a stream; give a path"
        case .isDirectory(let path): "'\(Self.shown(path))' is a directory: give the path of a file in it"
        case .missingFolder(let path):
            "the folder of '\(Self.shown(path))' does not exist: create it, or give another path"
        case .exists(let path): "'\(Self.shown(path))' exists: give another path, or replace it with --force"
        case .isLedger(let path): "'\(Self.shown(path))' is the ledger itself: give another path"
        case .isOpen(let path):
            "'\(Self.shown(path))' is a database that another process has open: give another path"
        case .notWritable(let path, let reason):
            "'\(Self.shown(path))' cannot be written (\(Self.shown(reason))): give another path"
        case .diskFull(let path):
            "the disk of '\(Self.shown(path))' is full: free some space, or give another path; nothing was changed"
        case .damagedLedger(let path, let finding):
            "the ledger '\(Self.shown(path))' is damaged (\(Self.shown(finding))): no backup was written; ledger check shows "
                + "more, and ledger restore puts an earlier backup in its place"
        case .noBackup(let path): "the backup '\(Self.shown(path))' does not exist: give the path of a backup"
        case .notABackup(let path): "'\(Self.shown(path))' is not a ledger: give the path of a backup"
        case .damagedBackup(let path, let finding):
            "the backup '\(Self.shown(path))' is damaged (\(Self.shown(finding))): nothing was changed; use another backup"
        case .newerBackup(let path, let version):
            "the backup '\(Self.shown(path))' has schema \(version), of a newer collector: upgrade this one first"
        case .inUse(let path):
            "the ledger '\(Self.shown(path))' is in use by another process: wait for it, or stop it and its timer, then "
                + "try again"
        case .running(let path, let id):
            "the ledger '\(Self.shown(path))' may be in use: the verification '\(Self.shown(id))' is recorded as running; wait "
                + "for it, or give --force if it has ended"
        case .openChange(let path, let entry):
            "the journal of '\(Self.shown(path))' has an open \(entry.intent.kind.rawValue) of "
                + "\(entry.intent.service.promoted) (\(Self.shown(entry.intent.id)), since \(entry.intent.intendedAt)): run "
                + "promote or rollback to settle it, or give --force to forget it"
        case .interrupted(_, let what): "interrupted: \(what)"
        case .failed(let path, let reason):
            "'\(Self.shown(path))' failed (\(Self.shown(reason))): check its disk, or give another path"
        }
    }

    private static func shown(_ text: String) -> String { Sanitizer.singleLine(text, limit: 200) }

    /// The meaning of a database error for the file at `path`, which is being written.
    init(writing error: any Error, path: String) {
        switch error {
        case let error as LedgerCopyError: self = error
        default:
            switch LedgerError(error, path: path) {
            case .diskFull: self = .diskFull(path: path)
            case .notWritable(_, let reason): self = .notWritable(path: path, reason: reason)
            case .failed(_, let reason): self = .failed(path: path, reason: reason)
            case .locked: self = .inUse(path: path)
            case let other: self = .failed(path: path, reason: "\(other)")
            }
        }
    }
}
