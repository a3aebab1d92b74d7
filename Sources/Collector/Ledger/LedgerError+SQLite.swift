import GRDB
import Glibc

extension LedgerError {
    /// What an error of the database means for the ledger at `path`.
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
        // A full disk shows itself as these too, where it hits the file of the shared memory or a new file.
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
