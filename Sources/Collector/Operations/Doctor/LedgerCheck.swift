import CollectorSupport
import Glibc
import Inventory
import Ledger
import Shared
import Verdict

/// Checks that verifications could record to the ledger, without creating or changing it, and reads what they compare an
/// inventory with.
struct LedgerCheck: Sendable {
    let check: Diagnosis.Check
    /// Empty without a readable ledger.
    let previous: InventoryCheck.Previous

    /// - Parameter path: of the ledger; nil if none is kept.
    init(_ path: Result<String?, LedgerError>, of inventory: Inventory) async {
        var previous = InventoryCheck.Previous()
        do throws(LedgerError) {
            if let path = try path.get() {
                let exists = access(path, F_OK) == 0
                if exists { previous = try await Self.previous(path, inventory) }
                try Self.requireWritable(path, exists: exists)
                check = Diagnosis.Check(
                    "ledger",
                    exists ? "\(path) is writable" : "\(path) does not exist yet: the first verification creates it")
            } else {
                check = Diagnosis.Check(
                    "ledger", "none: nothing is recorded, and neither a late job nor a shrunk inventory is noticed",
                    standing: .note)
            }
        } catch {
            check = Diagnosis.Check("ledger", "cannot be used", [Diagnosis.Finding(.problem, "\(error)")])
        }
        self.previous = previous
    }

    private static func previous(
        _ path: String, _ inventory: Inventory
    ) async throws(LedgerError) -> InventoryCheck.Previous {
        let ledger = try await Ledger.open(path: path, for: .inspecting)
        do {
            return InventoryCheck.Previous(
                listed: try await ledger.previousExpected(of: inventory.deployed),
                selected: try await ledger.previousSelected(
                    of: inventory.deployed, selected: inventory.selected ?? []))
        } catch {
            // An older collector's ledger cannot be asked before a verification brings it up to date.
            return InventoryCheck.Previous()
        }
    }

    private static func requireWritable(_ path: String, exists: Bool) throws(LedgerError) {
        if exists, access(path, W_OK) != 0 {
            throw .notWritable(path: path, reason: String(cString: strerror(errno)))
        }
        var folder = FilePath.folder(of: path)
        // Verifications create the folders that are missing.
        while access(folder, F_OK) != 0, folder != "/", folder != "." { folder = FilePath.folder(of: folder) }
        do throws(AtomicFile.WriteError) {
            // Creates a file and removes it: permissions alone do not tell what a file system accepts.
            _ = try AtomicFile(path: "\(folder)/.buildinfo-doctor")
        } catch {
            throw .notWritable(path: path, reason: "\(folder): \(error.reason)")
        }
    }
}
