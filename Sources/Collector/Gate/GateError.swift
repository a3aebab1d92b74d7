import CollectorSupport

/// Why a promotion was refused by the gate.
package enum GateError: ExitCoded, Hashable {
    /// CI is not green, the kill switch is on or cannot be read, or the branch was rewritten.
    case refused(String)
    /// A newer commit of the branch supersedes this one.
    case superseded(String)
    /// The forge could not be read.
    case unavailable(String)
    /// SIGINT (2) or SIGTERM (15) arrived.
    case interrupted(signal: Int32, String)

    package var exitCode: Int32 {
        switch self {
        case .refused: 41
        case .superseded: 40
        case .unavailable: 69
        case .interrupted(let signal, _): 128 + signal
        }
    }

    package var description: String {
        switch self {
        case .refused(let text), .superseded(let text), .unavailable(let text), .interrupted(_, let text): text
        }
    }
}
