import CollectorSupport
package import FoundationEssentials
import GRDB
package import Verdict

/// Which past verifications are asked for.
package struct HistoryFilter: Hashable, Sendable {
    /// How a verification ended.
    package enum Ending: Hashable, Sendable {
        case verdict(Verdict)
        /// With another exit code than 0, or with none because the collector was killed.
        case failed
    }

    /// nil for all services.
    package var service: String?
    /// Only verifications of this host, with what they found of it.
    package var host: String?
    /// Only those that started then or later.
    package var since: Date?
    /// nil for all, running ones too.
    package var ending: Ending?

    package init(service: String? = nil, host: String? = nil, since: Date? = nil, ending: Ending? = nil) {
        self.service = service
        self.host = host
        self.since = since
        self.ending = ending
    }

    /// Conditions on `verifications v` that let through all that is asked for, and no more than runs that still have to be
    /// told apart by ``accepts(_:verdict:)``.
    var conditions: (sql: String, arguments: StatementArguments) {
        var parts: [String] = []
        var arguments: StatementArguments = []
        if let service {
            parts.append("v.service = ?")
            arguments += [service]
        }
        if let since {
            // The first number bounds the search from below; the plus keeps SQLite from sorting the whole period.
            parts.append(
                "v.number >= (SELECT min(number) FROM verifications WHERE started_at >= ?) AND +v.started_at >= ?")
            arguments += [since.rfc3339, since.rfc3339]
        }
        switch ending {
        case nil: break
        case .verdict(.interrupted)?:
            parts.append("(v.verdict = ? OR v.state = 'running')")
            arguments += [Verdict.interrupted.rawValue]
        case .verdict(let verdict)?:
            parts.append("v.verdict = ?")
            arguments += [verdict.rawValue]
        case .failed?: parts.append("v.exit_code IS NOT 0")
        }
        return (parts.isEmpty ? "TRUE" : parts.joined(separator: " AND "), arguments)
    }

    /// Whether a verification that met the conditions is one that was asked for.
    ///
    /// - Parameter verdict: nil while it runs.
    func accepts(_ verdict: Verdict?) -> Bool { ending == nil || verdict != nil }
}
