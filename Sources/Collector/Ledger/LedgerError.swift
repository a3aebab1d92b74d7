package import Shared

/// Why the ledger cannot be used. One sentence each, with the path and the remedy.
package enum LedgerError: ExitCoded, Hashable {
    /// Neither `$STATE_DIRECTORY`, `$XDG_STATE_HOME` nor `$HOME` says where.
    case noPlace
    case emptyPath
    case isDirectory(path: String)
    /// No permission, a read-only place, a folder that cannot be made.
    case notWritable(path: String, reason: String)
    case notADatabase(path: String)
    /// A database, but somebody else's.
    case notALedger(path: String)
    case damaged(path: String)
    /// A later version of the collector wrote it.
    case newerSchema(path: String, version: Int)
    /// An earlier version wrote it, and it lies where it cannot be brought up to date.
    case olderSchema(path: String, version: Int)
    /// It was not closed, and lies where what its log holds cannot be joined to it.
    case logUnreadable(path: String)
    /// Only reading was asked for, and there is nothing.
    case absent(path: String)
    case unknownVerification(id: String, path: String)
    /// Several ids begin like this. `candidates` are the newest of `count`.
    case ambiguous(prefix: String, candidates: [String], count: Int)
    /// There is no verification that is over, of the service or at all.
    case noVerification(path: String, service: String? = nil)
    /// Locked by another process for longer than the busy timeout.
    case locked(path: String)
    case diskFull(path: String)
    /// The verification has no report yet.
    case stillRunning(id: String)
    /// `--generation` names a promotion that is not known, or that is of another target.
    case otherPromotion(Int, service: String, isKnown: Bool)
    /// An I/O error, or whatever else SQLite says.
    case failed(path: String, reason: String)

    package var exitStatus: ExitStatus {
        switch self {
        case .noPlace, .emptyPath, .isDirectory, .notWritable, .notADatabase, .notALedger, .newerSchema, .olderSchema,
            .logUnreadable, .absent, .unknownVerification, .ambiguous, .noVerification, .otherPromotion:
            .usage
        case .damaged, .locked, .diskFull, .stillRunning, .failed: .unavailable
        }
    }
}

extension LedgerError: CustomStringConvertible {
    package var description: String {
        let remedy = "name another with --store, or --store none"
        return switch self {
        case .noPlace:
            "there is no place for the ledger ($STATE_DIRECTORY, $XDG_STATE_HOME and $HOME are unset): "
                + "name one with --store PATH, or --store none"
        case .emptyPath: "--store is empty: name a file, or --store none"
        case .isDirectory(let path):
            "the ledger '\(Self.shown(path))' is a directory: name a file in it with --store"
        case .notWritable(let path, let reason):
            "the ledger '\(Self.shown(path))' cannot be written (\(Sanitizer.singleLine(reason))): \(remedy)"
        case .notADatabase(let path):
            "'\(Self.shown(path))' is no SQLite database and is left as it is: \(remedy)"
        case .notALedger(let path):
            "'\(Self.shown(path))' is another program's database and is left as it is: \(remedy)"
        case .damaged(let path):
            "the ledger '\(Self.shown(path))' is damaged: ledger check says where; restore it or move it away, or \(remedy)"
        case .newerSchema(let path, let version):
            "the ledger '\(Self.shown(path))' has schema \(version), of a newer collector: update this one, or \(remedy)"
        case .olderSchema(let path, let version):
            "the ledger '\(Self.shown(path))' has schema \(version), of an older collector, and cannot be brought up to "
                + "date where it lies: copy it to a place that can be written, and name that with --store"
        case .logUnreadable(let path):
            "the ledger '\(Self.shown(path))' was not closed, and its last changes, in '-wal' beside it, cannot be read in a "
                + "folder that cannot be written: copy both files to one that can be, and name that with --store"
        case .absent(let path):
            "there is no ledger at '\(Self.shown(path))': verify makes one; name another with --store"
        case .unknownVerification(let id, let path):
            "the ledger '\(Self.shown(path))' has no verification '\(Self.shown(id))': see history for the ids"
        case .ambiguous(let prefix, let candidates, let count):
            "\(count) verifications begin with '\(Self.shown(prefix))' "
                + "(\(candidates.map(Self.shown).joined(separator: ", "))\(count > candidates.count ? ", …" : "")): "
                + "give more of the id"
        case .noVerification(let path, let service):
            "the ledger '\(Self.shown(path))' has no verification\(service.map { " of '\(Self.shown($0))'" } ?? "") that is "
                + "over: run verify first, or name another with --store"
        case .locked(let path):
            "the ledger '\(Self.shown(path))' is locked by another process: try again once it is done, or \(remedy)"
        case .diskFull(let path):
            "the disk with the ledger '\(Self.shown(path))' is full: make room, or \(remedy)"
        case .stillRunning(let id):
            "the verification '\(Self.shown(id))' is still running: its report comes with its end"
        case .otherPromotion(let generation, let service, let isKnown):
            "--generation \(generation): "
                + (isKnown
                    ? "that promotion of '\(Self.shown(service))' has another commit or digest"
                    : "the ledger has no such promotion of '\(Self.shown(service))'")
                + ": take the number from its verification's report, or leave --generation out"
        case .failed(let path, let reason):
            "the ledger '\(Self.shown(path))' failed (\(Sanitizer.singleLine(reason, limit: 200))): check its disk, or \(remedy)"
        }
    }

    private static func shown(_ text: String) -> String { Sanitizer.singleLine(text, limit: 200) }
}
