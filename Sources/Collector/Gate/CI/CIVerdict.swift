import Shared

/// How waiting for CI ended.
package enum CIVerdict: Hashable, Sendable {
    /// Every required context was `success` in one and the same reading.
    case green
    /// A required context has come to an end that is no success.
    case failed
    /// The time was up.
    case timedOut
    /// The time was up, and not one answer could be read.
    case unreadable
    /// The forge refuses to say: credentials, repository, certificate.
    case refused
    /// SIGINT or SIGTERM.
    case interrupted(signal: Int32)

    /// In JSON.
    package var name: String {
        switch self {
        case .green: "green"
        case .failed: "failed"
        case .timedOut: "timed_out"
        case .unreadable: "unreadable"
        case .refused: "refused"
        case .interrupted: "interrupted"
        }
    }

    package var exitCode: Int32 { exitStatus.rawValue }

    private var exitStatus: ExitStatus {
        switch self {
        case .green: .success
        case .failed, .timedOut: .refused
        case .unreadable, .refused: .unavailable
        case .interrupted(let signal): .interrupted(by: signal)
        }
    }
}
