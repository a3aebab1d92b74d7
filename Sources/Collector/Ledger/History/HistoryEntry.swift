import CollectorSupport
package import FoundationEssentials
import GRDB
import Reports
import Shared
package import Verdict

/// One past verification, as a line of the history.
package struct HistoryEntry: Codable, Hashable, Sendable {
    /// The outcome of the host that the history was requested for.
    struct Host: Codable, Hashable, Sendable {
        var name: String
        var status: HostStatus
        var reason: String
        @ExplicitNull var secondsToConverge: Double?

        enum CodingKeys: String, CodingKey {
            case name, status, reason
            case secondsToConverge = "seconds_to_converge"
        }
    }

    /// The promotion that took over.
    struct Successor: Codable, Hashable, Sendable {
        var generation: Int
        @ExplicitNull var gitSHA: GitSHA?
        @ExplicitNull var digest: Digest?
        /// RFC 3339.
        var at: String

        enum CodingKeys: String, CodingKey {
            case generation, digest, at
            case gitSHA = "git_sha"
        }
    }

    var id: String
    var service: String
    @ExplicitNull var generation: Int?
    @ExplicitNull var gitSHA: GitSHA?
    @ExplicitNull var digest: Digest?
    /// RFC 3339.
    var startedAt: String
    @ExplicitNull var finishedAt: String?
    var state: LedgerState
    /// nil while it runs.
    @ExplicitNull var verdict: Verdict?
    @ExplicitNull var exitCode: Int32?
    @ExplicitNull var proven: Int?
    var expected: Int
    @ExplicitNull var secondsToConverge: Report.Summary.Percentiles?
    /// nil unless the verification was superseded.
    var supersededBy: Successor?
    /// nil unless the history of a host was requested.
    var host: Host?

    enum CodingKeys: String, CodingKey {
        case id, service, generation, digest, state, verdict, proven, expected, host
        case gitSHA = "git_sha"
        case startedAt = "started_at"
        case finishedAt = "finished_at"
        case exitCode = "exit_code"
        case secondsToConverge = "seconds_to_converge"
        case supersededBy = "superseded_by"
    }
}

/// The selection of past verifications.
package struct HistoryFilter: Hashable, Sendable {
    /// The end of a verification.
    package enum Ending: Hashable, Sendable {
        case verdict(Verdict)
        /// Another exit code than 0, or none because the collector was killed.
        case failed
    }

    /// nil for all services.
    var service: String?
    /// Only verifications of this host, with its outcome.
    var host: String?
    /// Only verifications that started at this time or later.
    package var since: Date?
    /// nil for all, including running ones.
    package var ending: Ending?

    package init(service: String? = nil, host: String? = nil, since: Date? = nil, ending: Ending? = nil) {
        self.service = service
        self.host = host
        self.since = since
        self.ending = ending
    }

    /// Conditions on `verifications v`. They also let through running verifications, which ``accepts(_:)`` rejects after their
    /// processes were looked up.
    var conditions: (sql: String, arguments: StatementArguments) {
        var parts: [String] = []
        var arguments: StatementArguments = []
        if let service {
            parts.append("v.service_name = ?")
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

    /// True if a verification that met the conditions is selected.
    ///
    /// - Parameter verdict: nil while it runs.
    func accepts(_ verdict: Verdict?) -> Bool { ending == nil || verdict != nil }
}
