import CollectorSupport
import Ledger
import Shared

/// A ledger that the service cannot open.
struct ServiceLedgerError: ExitCoded {
    let cause: LedgerError

    var exitStatus: ExitStatus { cause.exitStatus }
    var description: String { cause.serviceDescription }
}

extension Error {
    /// One sentence with the remedy: what a command would say of its options, a service says of its configuration.
    var serviceText: String { (self as? LedgerError)?.serviceDescription ?? "\(self)" }
}
