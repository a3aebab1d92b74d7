import CollectorSupport
package import Shared

/// The reason that the gate refused a promotion.
package enum GateError: ExitCoded, Hashable {
    /// CI is not green, the kill switch is on or cannot be read, or the branch was rewritten.
    case refused(String, by: Check)
    /// A newer commit of the branch supersedes this one.
    case superseded(String)
    /// The forge could not be read.
    case unavailable(String)
    /// SIGINT (2) or SIGTERM (15) arrived.
    case interrupted(signal: Int32, String)

    /// A check of the gate that refuses a promotion.
    package enum Check: Hashable, Sendable {
        /// A required context is not green.
        case ci
        /// The kill switch is on.
        case killSwitch
        /// The kill switch cannot be read.
        case unreadableKillSwitch
        /// The commit is not in the branch's history.
        case branch
        /// The commit does not descend from the present build.
        case ancestry
        /// It is unknown whether the commit descends from the present build.
        case unknownAncestry
    }

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
        case .refused(let text, _), .superseded(let text), .unavailable(let text), .interrupted(_, let text): text
        }
    }
}
