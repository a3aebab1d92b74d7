import CollectorSupport
package import FoundationEssentials
import GRDB
import Glibc
import Shared

extension Ledger {
    /// Looks at everything in the ledger at `path`, whatever state it is in, and changes nothing.
    ///
    /// - Parameters:
    ///   - now: the wall clock, for runs whose process cannot be looked at.
    ///   - progress: called with what is looked at next.
    /// - Throws: where there is no ledger, or one that only a newer collector knows; a damaged one is a finding.
    package static func inspect(
        path: String, options: Options = Options(), now: Date, progress: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws(LedgerError) -> LedgerCheckResult {
        var condition = LedgerCheckResult(path: path, bytes: size(of: path), logBytes: size(of: "\(path)-wal"))
        let ledger: Ledger
        do throws(LedgerError) {
            ledger = try await open(path: path, for: .inspecting, options: options)
        } catch .damaged {
            let (given, told) = lengths(of: path)
            condition.add(
                .damage,
                given < told
                    ? "the file ends after \(ByteCount(given)) of \(ByteCount(told)): nothing in it can be trusted"
                    : "the list of tables, at the file's beginning, cannot be read: nothing else can be found")
            return condition
        }
        let found = LedgerChecker(condition: condition, now: now, progress: progress)
        return try await ledger.look { db in
            var inspection = found
            inspection.run(db)
            return inspection.condition
        }
    }

    /// How long the file is, and how long its header says that it is. Source: SQLite's file format, section 1.3.
    private static func lengths(of path: String) -> (given: Int, told: Int) {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return (0, 0) }
        defer { Glibc.close(descriptor) }
        var header = [UInt8](repeating: 0, count: 32)
        let count = header.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        guard count == header.count else { return (0, 0) }
        let pageSize = Int(header[16]) << 8 | Int(header[17])
        let pages = header[28...].reduce(0) { $0 << 8 | Int($1) }
        return (size(of: path), pages * (pageSize == 1 ? 65_536 : pageSize))
    }

    private static func size(of path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }
}
