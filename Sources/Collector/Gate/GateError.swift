import CollectorSupport
package import Shared

/// Why nothing may be promoted now.
package enum GateError: ExitCoded, Hashable {
    /// CI is not green, the kill switch is on or cannot be read, or the branch was rewritten.
    case refused(String)
    /// A newer commit of the branch took over.
    case superseded(String)
    /// The forge was needed, and could not be asked.
    case unavailable(String)
    /// SIGINT (2) or SIGTERM (15) came.
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
