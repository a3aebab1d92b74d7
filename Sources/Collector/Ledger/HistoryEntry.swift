import Shared

/// One past verification, in a line.
struct HistoryEntry: Codable, Hashable, Sendable {
    /// What the verification found of the host that was asked for.
    struct Host: Codable, Hashable, Sendable {
        var name: String
        var label: HostLabel
        var reason: String
        @ExplicitNull var secondsToConverge: Double?

        enum CodingKeys: String, CodingKey {
            case name, label, reason
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
    /// nil for a verification that was not superseded.
    var supersededBy: Successor?
    /// nil where no host was asked for.
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
