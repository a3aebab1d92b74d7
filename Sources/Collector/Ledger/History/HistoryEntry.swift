package import CollectorSupport
package import FoundationEssentials
import GRDB
import Reports
package import Shared
package import Verdict

/// One past verification, as a line of the history.
package struct HistoryEntry: Codable, Hashable, Sendable {
    /// The outcome of the host that the history was requested for.
    package struct Host: Codable, Hashable, Sendable {
        package var name: String
        package var status: HostStatus
        package var reason: String
        /// The build that it served in its last usable answer; both are nil if it gave none.
        @ExplicitNull package var gitSHA: GitSHA?
        @ExplicitNull var digest: Digest?
        @ExplicitNull var secondsToConverge: Double?

        enum CodingKeys: String, CodingKey {
            case name, status, reason, digest
            case gitSHA = "git_sha"
            case secondsToConverge = "seconds_to_converge"
        }
    }

    /// The other end of a rollback: the promotion that it undid, or the rollback that undid a promotion.
    struct Rollback: Codable, Hashable, Sendable {
        var generation: Int
        /// The id of its last verification; nil if none is recorded.
        @ExplicitNull var verification: String?
        @ExplicitNull var gitSHA: GitSHA?
        @ExplicitNull var digest: Digest?
        /// The time of the rollback, RFC 3339.
        var at: String

        enum CodingKeys: String, CodingKey {
            case generation, verification, digest, at
            case gitSHA = "git_sha"
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

    package var id: String
    package var service: String
    package var environment = EnvironmentName.standard
    @ExplicitNull package var generation: Int?
    @ExplicitNull package var gitSHA: GitSHA?
    @ExplicitNull package var digest: Digest?
    /// RFC 3339.
    package var startedAt: String
    @ExplicitNull package var finishedAt: String?
    var state: LedgerState
    /// nil while it runs.
    @ExplicitNull package var verdict: Verdict?
    @ExplicitNull var exitCode: Int32?
    @ExplicitNull package var proven: Int?
    package var expected: Int
    @ExplicitNull var secondsToConverge: Report.Summary.Percentiles?
    /// nil unless the verification was superseded.
    var supersededBy: Successor?
    /// The promotion that this one, a rollback, undid; nil for others.
    var undid: Rollback?
    /// The rollback that undid this promotion; nil if none did.
    var undoneBy: Rollback?
    /// nil unless the history of a host was requested.
    package var host: Host?

    enum CodingKeys: String, CodingKey {
        case id, service, environment, generation, digest, state, verdict, proven, expected, host, undid
        case undoneBy = "undone_by"
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
    /// nil for all environments.
    var environment: EnvironmentName?
    /// Only verifications of this host, with its outcome.
    var host: String?
    /// Only verifications that started at this time or later.
    package var since: Date?
    /// Only verifications that started before this time.
    package var until: Date?
    /// nil for all, including running ones.
    package var ending: Ending?

    package init(
        service: String? = nil, environment: EnvironmentName? = nil, host: String? = nil, since: Date? = nil,
        until: Date? = nil, ending: Ending? = nil
    ) {
        self.service = service
        self.environment = environment
        self.host = host
        self.since = since
        self.until = until
        self.ending = ending
    }

    /// Conditions on `verifications v`. They also let through running verifications, which ``accepts(_:)`` rejects after their
    /// processes were looked up.
    var conditions: (sql: String, arguments: StatementArguments) {
        var parts: [String] = []
        var arguments: StatementArguments = []
        switch (service, environment) {
        case (let service?, let environment?):
            parts.append("v.service = ?")
            arguments += [DeployedService(service, in: environment).ledgerKey]
        case (let service?, nil):
            parts.append("v.service_name = ?")
            arguments += [service]
        case (nil, let environment?):
            parts.append("v.environment = ?")
            arguments += [environment.description]
        case (nil, nil): break
        }
        if let since {
            // The first number bounds the search from below; the plus keeps SQLite from sorting the whole period.
            parts.append(
                "v.number >= (SELECT min(number) FROM verifications WHERE started_at >= ?) AND +v.started_at >= ?")
            arguments += [since.rfc3339, since.rfc3339]
        }
        if let until {
            parts.append(
                "v.number <= (SELECT max(number) FROM verifications WHERE started_at < ?) AND +v.started_at < ?")
            arguments += [until.rfc3339, until.rfc3339]
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
