import CollectorSupport
package import Shared

/// The reason that the gate refused a promotion.
package enum GateError: ExitCoded, Hashable {
    /// CI is not green, the kill switch is on or cannot be read, or the branch was rewritten.
    case refused(String)
    /// A newer commit of the branch supersedes this one.
    case superseded(String)
    /// The forge could not be read.
    case unavailable(String)
    /// SIGINT (2) or SIGTERM (15) arrived.
    case interrupted(signal: Int32, String)

    package var exitStatus: ExitStatus {
        switch self {
        case .refused: .refused
        case .superseded: .superseded
        case .unavailable: .unavailable
        case .interrupted(let signal, _): .interrupted(by: signal)
        }
    }

    package var description: String {
        switch self {
        case .refused(let text), .superseded(let text), .unavailable(let text), .interrupted(_, let text): text
        }
    }
}
