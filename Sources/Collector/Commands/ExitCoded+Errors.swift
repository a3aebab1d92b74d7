import CollectorSupport
import Inventory
import Ledger
import Transfer

// What ends the program, and with which code, is said where each error is declared.
extension InventoryError: ExitCoded {}
extension LedgerError: ExitCoded {}

extension TransferClientError: ExitCoded {
    /// The collector's own machine lacks what it needs.
    var exitCode: Int32 { 69 }
}
