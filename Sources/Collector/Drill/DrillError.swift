import CollectorSupport
package import Shared

/// Why a drill did not end well. One sentence each.
package enum DrillError: ExitCoded, Hashable {
    /// The made-up hosts have no place.
    case noLoopback(address: String, reason: String)
    /// There is no place for the made-up inventories and ledgers.
    case noFolder(path: String, reason: String)
    /// The gate judged these cases wrongly.
    case misjudged([String], of: Int)
    /// The user ended it.
    case interrupted(signal: Int32)

    package var exitStatus: ExitStatus {
        switch self {
        case .noLoopback, .noFolder: .unavailable
        // No verdict has this code: a pipeline must not take a gate that failed its drill for a fleet that failed the gate.
        case .misjudged: .failure
        case .interrupted(let signal): .interrupted(by: signal)
        }
    }

    package var description: String {
        switch self {
        case .noLoopback(let address, let reason):
            "the drill's made-up hosts cannot be reached on \(address) (\(reason)): bring up the loopback interface"
        case .noFolder(let path, let reason):
            "the drill cannot use the folder '\(Sanitizer.singleLine(path, limit: 200))' for what is only there while it runs "
                + "(\(reason)): name another with TMPDIR"
        case .misjudged(let names, let count):
            "the gate misjudged \(names.count) of \(count) made-up fleets (\(Sanitizer.singleLine(names.joined(separator: ", ")))): "
                + "do not trust verify on this machine before it is understood"
        case .interrupted: "the drill was interrupted: nothing was proven of the gate"
        }
    }
}
