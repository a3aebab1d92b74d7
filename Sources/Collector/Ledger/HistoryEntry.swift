package import CollectorSupport
import Reports
package import Shared
package import Verdict

/// One past verification, in a line.
package struct HistoryEntry: Codable, Hashable, Sendable {
    /// What the verification found of the host that was asked for.
    package struct Host: Codable, Hashable, Sendable {
        package var name: String
        package var status: HostStatus
        package var reason: String
        @ExplicitNull var secondsToConverge: Double?

        package init(name: String, status: HostStatus, reason: String, secondsToConverge: Double? = nil) {
            self.name = name
            self.status = status
            self.reason = reason
            self.secondsToConverge = secondsToConverge
        }

        package enum CodingKeys: String, CodingKey {
            case name, status, reason
            case secondsToConverge = "seconds_to_converge"
        }
    }

    /// The promotion that took over.
    package struct Successor: Codable, Hashable, Sendable {
        package var generation: Int
        @ExplicitNull package var gitSHA: GitSHA?
        @ExplicitNull package var digest: Digest?
        /// RFC 3339.
        package var at: String

        package init(generation: Int, gitSHA: GitSHA? = nil, digest: Digest? = nil, at: String) {
            self.generation = generation
            self.gitSHA = gitSHA
            self.digest = digest
            self.at = at
        }

        package enum CodingKeys: String, CodingKey {
            case generation, digest, at
            case gitSHA = "git_sha"
        }
    }

    package var id: String
    package var service: String
    @ExplicitNull package var generation: Int?
    @ExplicitNull package var gitSHA: GitSHA?
    @ExplicitNull package var digest: Digest?
    /// RFC 3339.
    package var startedAt: String
    @ExplicitNull package var finishedAt: String?
    package var state: LedgerState
    /// nil while it runs.
    @ExplicitNull package var verdict: Verdict?
    @ExplicitNull package var exitCode: Int32?
    @ExplicitNull package var proven: Int?
    package var expected: Int
    @ExplicitNull var secondsToConverge: Report.Summary.Percentiles?
    /// nil for a verification that was not superseded.
    package var supersededBy: Successor?
    /// nil where no host was asked for.
    package var host: Host?

    package enum CodingKeys: String, CodingKey {
        case id, service, generation, digest, state, verdict, proven, expected, host
        case gitSHA = "git_sha"
        case startedAt = "started_at"
        case finishedAt = "finished_at"
        case exitCode = "exit_code"
        case secondsToConverge = "seconds_to_converge"
        case supersededBy = "superseded_by"
    }
}
