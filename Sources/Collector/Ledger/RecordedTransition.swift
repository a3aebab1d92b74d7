package import Reports
import Shared

/// A host's change of status, as the ledger keeps it.
package struct RecordedTransition: Hashable, Sendable {
    /// Index in the frozen inventory.
    package var host: Int
    /// How many of the host's came before.
    package var number: Int
    package var transition: Report.Host.Transition
}
