import Shared

/// A host's change of label, as the ledger keeps it.
struct RecordedTransition: Hashable, Sendable {
    /// Index in the frozen inventory.
    var host: Int
    /// How many of the host's came before.
    var number: Int
    var transition: Report.Host.Transition
}
