import CollectorSupport
import Glibc
import Ledger
import Shared

/// Checks that verifications could record to the ledger, without creating or changing it.
struct LedgerCheck {
    private let path: Result<String?, LedgerError>

    init(_ path: Result<String?, LedgerError>) { self.path = path }

    var check: Diagnosis.Check {
        get async {
            do throws(LedgerError) {
                guard let path = try path.get() else {
                    return Diagnosis.Check(
                        "ledger", "none: nothing is recorded, and neither a late job nor a shrunk inventory is noticed",
                        standing: .note)
                }
                return Diagnosis.Check("ledger", try await Self.state(of: path))
            } catch {
                return Diagnosis.Check("ledger", "cannot be used", [Diagnosis.Finding(.problem, "\(error)")])
            }
        }
    }

    private static func state(of path: String) async throws(LedgerError) -> String {
        guard access(path, F_OK) == 0 else {
            let folder = existingFolder(above: path)
            do throws(AtomicFile.WriteError) {
                // Creates a file and removes it: permissions alone do not tell what a file system accepts.
                _ = try AtomicFile(path: "\(folder)/.buildinfo-doctor")
            } catch {
                throw .notWritable(path: path, reason: "\(folder): \(error.reason)")
            }
            return "\(path) does not exist yet: the first verification creates it"
        }
        guard access(path, W_OK) == 0, access(folder(of: path), W_OK | X_OK) == 0 else {
            throw .notWritable(path: path, reason: String(cString: strerror(errno)))
        }
        let ledger = try await Ledger.open(path: path, for: .inspecting)
        withExtendedLifetime(ledger) {}
        return "\(path) is writable"
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The nearest folder that exists; verifications create those below it.
    private static func existingFolder(above path: String) -> String {
        var folder = folder(of: path)
        while access(folder, F_OK) != 0, folder != "/", folder != "." { folder = self.folder(of: folder) }
        return folder
    }
}
