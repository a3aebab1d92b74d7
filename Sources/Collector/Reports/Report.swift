import Shared

/// The report of one verification, schema 1: the one model that every format is rendered from.
///
/// `Tests/Schemas/report.schema.json` is its schema. Field names in JSON are snake case. Everything in it is clean text.
struct Report: Codable, Hashable, Sendable {
    static let schema = 1

    var schema = Report.schema
    var verification: Run
    var target: PromotedTarget
    var inventory: InventorySummary
    var policy: PolicySummary
    /// The promotion that took over from the target; nil where none did.
    var successor: Successor?
    var verdict: Verdict
    var exitCode: Int32
    var reasons: [Reason]
    /// What a reader should know although it changes no verdict. Each is one line.
    var warnings: [String]
    var summary: Summary
    /// Every host of the inventory exactly once: proven ones first, the ones that need attention last, worst at the end.
    var hosts: [Host]
    /// nil where no evidence was written.
    var evidence: EvidenceFile?
    /// nil where nothing was promoted, but verified only.
    var promotion: PromotionStory? { didSet { settleAdvice() } }
    /// nil unless a status was asked for a tag.
    var drift: Drift? { didSet { settleAdvice() } }
    /// nil unless every host was asked once, for a status.
    var sweep: Sweep?

    enum CodingKeys: String, CodingKey {
        case schema, verification, target, inventory, policy, successor, verdict, reasons, warnings, summary, hosts,
            evidence, promotion, drift, sweep
        case exitCode = "exit_code"
    }

    /// Which verification, when, and by what.
    struct Run: Codable, Hashable, Sendable {
        struct Collector: Codable, Hashable, Sendable {
            var version: String
        }

        var id: String
        /// RFC 3339.
        var startedAt: String
        var finishedAt: String
        var durationSeconds: Double
        var collector: Collector

        enum CodingKeys: String, CodingKey {
            case id, collector
            case startedAt = "started_at"
            case finishedAt = "finished_at"
            case durationSeconds = "duration_seconds"
        }
    }

    /// The file that the verification can be replayed from.
    struct EvidenceFile: Codable, Hashable, Sendable {
        /// `sha256:<64 hex>` of the whole file, as `sha256sum` computes it.
        var hash: String
    }

    struct PromotedTarget: Codable, Hashable, Sendable {
        struct Equivalent: Codable, Hashable, Sendable {
            var digest: Digest
            /// `manifest` or `config`.
            var kind: String
            var platform: String?
        }

        var service: String
        @ExplicitNull var gitSHA: GitSHA?
        @ExplicitNull var digest: Digest?
        @ExplicitNull var image: String?
        @ExplicitNull var generation: Int?
        /// What else proves the target: the manifests and configurations that the promoted bytes name.
        var equivalentDigests: [Equivalent]

        enum CodingKeys: String, CodingKey {
            case service, digest, image, generation
            case gitSHA = "git_sha"
            case equivalentDigests = "equivalent_digests"
        }
    }

    struct InventorySummary: Codable, Hashable, Sendable {
        /// Where it was read from.
        var source: String
        /// `sha256:<64 hex>` of the frozen inventory.
        var hash: String
        /// All hosts that were selected, waived ones too.
        var expected: Int
        /// All hosts that the inventory lists, selected or not; nil where everything was selected.
        var listed: Int?
        /// The terms of the selection, sorted, for example `region=eu` and `group!=lab`; nil where there was none.
        var selected: [String]?

        /// Hosts that the inventory lists, whether a selection left some out or not.
        var total: Int { listed ?? expected }
    }

    /// A newer promotion, and how far the fleet had come with it at the end. Counts are of the hosts in the gate.
    struct Successor: Codable, Hashable, Sendable {
        var generation: Int
        @ExplicitNull var gitSHA: GitSHA?
        @ExplicitNull var digest: Digest?
        /// RFC 3339.
        var promotedAt: String
        var hostsServing: Int
        var hostsOnTarget: Int
        var hostsOnNeither: Int

        enum CodingKeys: String, CodingKey {
            case generation, digest
            case gitSHA = "git_sha"
            case promotedAt = "promoted_at"
            case hostsServing = "hosts_serving"
            case hostsOnTarget = "hosts_on_target"
            case hostsOnNeither = "hosts_on_neither"
        }
    }

    /// The policy as it was in force, in seconds and as typed.
    struct PolicySummary: Codable, Hashable, Sendable {
        var timeoutSeconds: Double
        var intervalSeconds: Double
        var requestTimeoutSeconds: Double
        var soakSeconds: Double
        var stallSeconds: Double
        var failAfter: Int
        var maxStragglers: String
        var maxUnreachable: String
        var maxFailed: String
        var minProven: String
        var supersededOK: Bool
        /// As typed, for example `region=eu:10%`; nil where there are none, as in what older collectors recorded.
        var maxStragglersByLabel: [String]?
        var maxUnreachableByLabel: [String]?
        var maxFailedByLabel: [String]?
        var require: [String]?

        enum CodingKeys: String, CodingKey {
            case timeoutSeconds = "timeout_seconds"
            case intervalSeconds = "interval_seconds"
            case requestTimeoutSeconds = "request_timeout_seconds"
            case soakSeconds = "soak_seconds"
            case stallSeconds = "stall_seconds"
            case failAfter = "fail_after"
            case maxStragglers = "max_stragglers"
            case maxUnreachable = "max_unreachable"
            case maxFailed = "max_failed"
            case minProven = "min_proven"
            case supersededOK = "superseded_ok"
            case maxStragglersByLabel = "max_stragglers_by_label"
            case maxUnreachableByLabel = "max_unreachable_by_label"
            case maxFailedByLabel = "max_failed_by_label"
            case require
        }
    }

    struct Summary: Codable, Hashable, Sendable {
        struct Percentiles: Codable, Hashable, Sendable {
            var p50: Double
            var p95: Double
            var max: Double
        }

        /// Hosts that the gate is about: all but the waived ones.
        var expected: Int
        var proven: Int
        /// Waived hosts, which are in `labels` too.
        var waived: Int
        /// How many hosts have each label that occurs.
        var labels: [String: Int]
        @ExplicitNull var secondsToConverge: Percentiles?

        enum CodingKeys: String, CodingKey {
            case expected, proven, waived, labels
            case secondsToConverge = "seconds_to_converge"
        }
    }

    /// What one look at every host found. Counts are of the hosts in the gate, and add up to their number.
    struct Sweep: Codable, Hashable, Sendable {
        /// nil where there was nothing to compare with.
        @ExplicitNull var onTarget: Int?
        /// Answered; more cannot be said of them, since there was nothing to compare with. nil where there was.
        @ExplicitNull var answered: Int?
        /// Serve something else, or instances that differ.
        var behind: Int
        /// Crash loops, unhealthy, exited, paused, the wrong image, or nothing that runs.
        var failing: Int
        /// Gave no usable answer.
        var unanswered: Int
        /// Another host answered.
        var conflicting: Int

        enum CodingKeys: String, CodingKey {
            case answered, behind, failing, unanswered, conflicting
            case onTarget = "on_target"
        }
    }

    /// One host at the end.
    struct Host: Codable, Hashable, Sendable {
        /// A container that matches the service's selector, and is none of its instances.
        struct LeftOut: Codable, Hashable, Sendable {
            var name: String
            /// The deployment that it belongs to; nil where it names none.
            var project: String?
            /// As the agent's document has it: `replaced`, `one_off`, `task`, `infrastructure` or `other`.
            var reason: LeftOutContainer.Reason
            var state: ServiceState
        }

        struct Waived: Codable, Hashable, Sendable {
            var until: String
            var reason: String
            var by: String?
            /// Whether it had run out, so that the host counted after all.
            var expired: Bool
        }

        struct Transition: Codable, Hashable, Sendable {
            /// Since the start.
            var seconds: Double
            var label: HostLabel
            var reason: String
        }

        var name: String
        var url: String
        var labels: [String: String]
        var label: HostLabel
        @ExplicitNull var waived: Waived?
        /// One line: what was seen, and what to do.
        var reason: String
        @ExplicitNull var gitSHA: GitSHA?
        @ExplicitNull var digest: Digest?
        var facts: HostFacts
        var attempts: Int
        /// From the start until the host was first seen to serve the target in the run that proved it.
        @ExplicitNull var secondsToConverge: Double?
        /// How old the last answer was at the end.
        @ExplicitNull var lastAnswerAgeSeconds: Double?
        /// How far the host's clock is from the collector's, for people; nil where it is not known.
        @ExplicitNull var clockOffsetSeconds: Double?
        var transitions: [Transition]
        /// What a reader should know of the host although it changes no verdict, a line each; nil for nothing.
        var warnings: [String]?
        /// The deployments that its instances belong to (Compose projects, Swarm stacks), in a list; nil where they name none.
        var project: String?
        /// How many instances the host's operator declared; nil where none were.
        var instancesExpected: Int?
        /// When the instance that speaks for the service started, RFC 3339 as its engine wrote it; nil where it did not say.
        var runningSince: String?
        /// nil where no container was left out.
        var leftOut: [LeftOut]?

        enum CodingKeys: String, CodingKey {
            case name, url, labels, label, waived, reason, digest, facts, attempts, transitions, warnings, project
            case instancesExpected = "instances_expected"
            case runningSince = "running_since"
            case leftOut = "left_out"
            case gitSHA = "git_sha"
            case secondsToConverge = "seconds_to_converge"
            case lastAnswerAgeSeconds = "last_answer_age_seconds"
            case clockOffsetSeconds = "clock_offset_seconds"
        }
    }
}
