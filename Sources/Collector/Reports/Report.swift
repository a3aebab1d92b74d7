package import CollectorSupport
package import Shared
package import Verdict

/// The report of one verification, schema 2: the model that every format is rendered from.
///
/// `Tests/Schemas/report.schema.json` describes its JSON, whose keys are snake case. Every text in it is sanitised.
package struct Report: Codable, Hashable, Sendable {
    package static let schema = 2

    package internal(set) var schema = Report.schema
    package var verification: Run
    package var target: PromotedTarget
    package internal(set) var inventory: InventorySummary
    package internal(set) var policy: PolicySummary
    /// The promotion that took over from the target; nil if none did.
    package internal(set) var successor: Successor?
    package var verdict: Verdict
    package var exitCode: Int32
    /// Every cause that applies, worst first; the first is the verdict's.
    package var reasons: [Reason]
    /// Facts that do not change the verdict but that readers should know, one line each.
    package var warnings: [String]
    package internal(set) var summary: Summary
    /// What is left to do, the worst first; nil if nothing is. See ``settleAdvice()``.
    package internal(set) var actions: [Action]?
    /// Every host of the inventory exactly once: proven hosts first, the worst host last.
    package var hosts: [Host]
    /// nil if no evidence was written.
    package var evidence: EvidenceFile?
    /// nil if the run only verified.
    package var promotion: PromotionRecord? { didSet { settleAdvice() } }
    /// nil unless this is a status of a tag.
    package var drift: Drift? { didSet { settleAdvice() } }
    /// nil unless this is a status.
    var sweep: Sweep?
    /// nil in the records of older collectors.
    package var origin: ReportOrigin?

    package init(
        verification: Run, target: PromotedTarget, inventory: InventorySummary, policy: PolicySummary,
        successor: Successor? = nil, verdict: Verdict, exitCode: Int32, reasons: [Reason], warnings: [String],
        summary: Summary, hosts: [Host], evidence: EvidenceFile? = nil, promotion: PromotionRecord? = nil,
        drift: Drift? = nil, origin: ReportOrigin? = nil
    ) {
        self.verification = verification
        self.target = target
        self.inventory = inventory
        self.policy = policy
        self.successor = successor
        self.verdict = verdict
        self.exitCode = exitCode
        self.reasons = reasons
        self.warnings = warnings
        self.summary = summary
        self.hosts = hosts
        self.evidence = evidence
        self.promotion = promotion
        self.drift = drift
        self.origin = origin
    }

    private enum CodingKeys: String, CodingKey {
        case schema, verification, target, inventory, policy, successor, verdict, reasons, warnings, summary, hosts,
            evidence, promotion, drift, sweep, origin, actions
        case exitCode = "exit_code"
    }

    // MARK: - The run

    /// The id, the time and the collector of a verification.
    package struct Run: Codable, Hashable, Sendable {
        package struct Collector: Codable, Hashable, Sendable {
            package var version: String

            package init(version: String) {
                self.version = version
            }
        }

        package internal(set) var id: String
        /// RFC 3339.
        package internal(set) var startedAt: String
        /// RFC 3339.
        package internal(set) var finishedAt: String
        package internal(set) var durationSeconds: Double
        package var collector: Collector

        package init(id: String, startedAt: String, finishedAt: String, durationSeconds: Double, collector: Collector) {
            self.id = id
            self.startedAt = startedAt
            self.finishedAt = finishedAt
            self.durationSeconds = durationSeconds
            self.collector = collector
        }

        private enum CodingKeys: String, CodingKey {
            case id, collector
            case startedAt = "started_at"
            case finishedAt = "finished_at"
            case durationSeconds = "duration_seconds"
        }
    }

    /// The file from which the verification can be replayed.
    package struct EvidenceFile: Codable, Hashable, Sendable {
        /// `sha256:<64 hex>` of the whole file, as `sha256sum` computes it.
        package internal(set) var hash: String

        package init(hash: String) {
            self.hash = hash
        }
    }

    // MARK: - The subject of the verification

    /// The promoted build, and everything that proves it.
    package struct PromotedTarget: Codable, Hashable, Sendable {
        /// A manifest or configuration that the promoted bytes name.
        package struct Equivalent: Codable, Hashable, Sendable {
            var digest: Digest
            /// `manifest` or `config`.
            var kind: String
            var platform: String?
        }

        package internal(set) var service: String
        package internal(set) var environment: EnvironmentName
        @ExplicitNull package internal(set) var gitSHA: GitSHA?
        @ExplicitNull package internal(set) var digest: Digest?
        @ExplicitNull package internal(set) var image: String?
        @ExplicitNull package var generation: Int?
        /// Other digests that prove the target.
        var equivalentDigests: [Equivalent]

        package init(
            service: String, environment: EnvironmentName = .standard, gitSHA: GitSHA?, digest: Digest?,
            image: String?, generation: Int?, equivalentDigests: [Equivalent]
        ) {
            self.service = service
            self.environment = environment
            self.gitSHA = gitSHA
            self.digest = digest
            self.image = image
            self.generation = generation
            self.equivalentDigests = equivalentDigests
        }

        package var deployed: DeployedService { DeployedService(service, in: environment) }

        private enum CodingKeys: String, CodingKey {
            case service, environment, digest, image, generation
            case gitSHA = "git_sha"
            case equivalentDigests = "equivalent_digests"
        }
    }

    /// The expected hosts, and the source of their list.
    package struct InventorySummary: Codable, Hashable, Sendable {
        package internal(set) var source: String
        /// `sha256:<64 hex>` of the frozen inventory.
        package internal(set) var hash: String
        /// The number of selected hosts, including waived ones.
        package internal(set) var expected: Int
        /// The number of hosts in the inventory; nil if every host was selected.
        package internal(set) var listed: Int?
        /// The terms of the selection, sorted, for example `region=eu` and `group!=lab`; nil if every host was selected.
        package internal(set) var selected: [String]?

        package init(source: String, hash: String, expected: Int, listed: Int? = nil, selected: [String]? = nil) {
            self.source = source
            self.hash = hash
            self.expected = expected
            self.listed = listed
            self.selected = selected
        }

        /// The number of hosts in the inventory, selected or not.
        package var total: Int { listed ?? expected }

        /// The number of expected hosts, with the selection if there was one.
        var extent: String {
            guard let selected else { return "\(expected)" }
            return "\(expected) of \(total) (--select \(selected.joined(separator: ", ")))"
        }
    }

    /// A newer promotion, and the fleet's progress towards it at the end. Counts are of the hosts in the gate.
    package struct Successor: Codable, Hashable, Sendable {
        var generation: Int
        @ExplicitNull var gitSHA: GitSHA?
        @ExplicitNull var digest: Digest?
        /// RFC 3339.
        var promotedAt: String
        var hostsServing: Int
        var hostsOnTarget: Int
        var hostsOnNeither: Int

        private enum CodingKeys: String, CodingKey {
            case generation, digest
            case gitSHA = "git_sha"
            case promotedAt = "promoted_at"
            case hostsServing = "hosts_serving"
            case hostsOnTarget = "hosts_on_target"
            case hostsOnNeither = "hosts_on_neither"
        }
    }

    /// The policy in force: durations in seconds, tolerances as typed.
    package struct PolicySummary: Codable, Hashable, Sendable {
        package internal(set) var timeoutSeconds: Double
        package internal(set) var intervalSeconds: Double
        var requestTimeoutSeconds: Double
        var soakSeconds: Double
        var stallSeconds: Double
        var failAfter: Int
        var maxStragglers: String
        var maxUnreachable: String
        var maxFailed: String
        var minProven: String
        var supersededOK: Bool
        /// For example `region=eu:10%`; nil for none, and in the records of older collectors.
        var maxStragglersByLabel: [String]?
        var maxUnreachableByLabel: [String]?
        var maxFailedByLabel: [String]?
        var require: [String]?

        private enum CodingKeys: String, CodingKey {
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

        /// Each setting under the flag that sets it. A repeated flag has several entries.
        var settings: [(flag: String, value: String)] {
            func each(_ flag: String, _ values: [String]?) -> [(flag: String, value: String)] {
                (values ?? []).map { (flag, $0) }
            }
            let times = [
                ("--timeout", timeoutSeconds), ("--interval", intervalSeconds),
                ("--request-timeout", requestTimeoutSeconds), ("--soak", soakSeconds), ("--stall", stallSeconds),
            ].map { (flag: $0.0, value: ReportText.duration($0.1)) }
            let limits =
                [("--fail-after", "\(failAfter)"), ("--max-stragglers", maxStragglers)]
                + each("--max-stragglers", maxStragglersByLabel) + [("--max-unreachable", maxUnreachable)]
                + each("--max-unreachable", maxUnreachableByLabel) + [("--max-failed", maxFailed)]
                + each("--max-failed", maxFailedByLabel) + [("--min-proven", minProven)]
            return times + limits + each("--require", require) + [("--superseded-ok", supersededOK ? "yes" : "no")]
        }
    }

    // MARK: - The result

    /// Counts of hosts, and their times to converge.
    package struct Summary: Codable, Hashable, Sendable {
        package struct Percentiles: Codable, Hashable, Sendable {
            package var p50: Double
            package var p95: Double
            package var max: Double

            package init(p50: Double, p95: Double, max: Double) {
                self.p50 = p50
                self.p95 = p95
                self.max = max
            }
        }

        /// The number of hosts in the gate: all hosts except waived ones.
        package internal(set) var expected: Int
        package internal(set) var proven: Int
        /// The number of waived hosts, which ``statuses`` counts too.
        package internal(set) var waived: Int
        /// The number of hosts with each status that occurs.
        package internal(set) var statuses: [String: Int]
        /// Over the hosts that converged during the verification; nil if there are none.
        @ExplicitNull package internal(set) var secondsToConverge: Percentiles?
        /// The number of proven hosts that served the target from their first answer, and so have no time to converge.
        package internal(set) var servedFromStart: Int

        package init(
            expected: Int, proven: Int, waived: Int, statuses: [String: Int], secondsToConverge: Percentiles? = nil,
            servedFromStart: Int = 0
        ) {
            self.expected = expected
            self.proven = proven
            self.waived = waived
            self.statuses = statuses
            self.secondsToConverge = secondsToConverge
            self.servedFromStart = servedFromStart
        }

        private enum CodingKeys: String, CodingKey {
            case expected, proven, waived, statuses
            case secondsToConverge = "seconds_to_converge"
            case servedFromStart = "served_from_start"
        }

        /// Reads schema 1 too, in which a host's status was called its label: ledgers keep such summaries.
        package init(from decoder: any Decoder) throws {
            enum Schema1: String, CodingKey { case labels }
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            self.init(
                expected: try fields.decode(Int.self, forKey: .expected),
                proven: try fields.decode(Int.self, forKey: .proven),
                waived: try fields.decode(Int.self, forKey: .waived),
                statuses: try fields.decodeIfPresent([String: Int].self, forKey: .statuses)
                    ?? decoder.container(keyedBy: Schema1.self).decode([String: Int].self, forKey: .labels),
                secondsToConverge: try fields.decodeIfPresent(Percentiles.self, forKey: .secondsToConverge),
                servedFromStart: try fields.decodeIfPresent(Int.self, forKey: .servedFromStart) ?? 0)
        }
    }

    /// The findings of a status. Counts are of the hosts in the gate, and add up to their number.
    struct Sweep: Codable, Hashable, Sendable {
        /// nil if there was nothing to compare with.
        @ExplicitNull var onTarget: Int?
        /// Hosts with a usable answer; nil if there was something to compare with.
        @ExplicitNull var answered: Int?
        /// Hosts that serve something else, or instances that differ.
        var behind: Int
        /// Hosts with a crash loop, an unhealthy, exited or paused instance, the wrong image, or no instance.
        var failing: Int
        /// Hosts without a usable answer.
        var unanswered: Int
        /// Hosts in whose place another host answered.
        var conflicting: Int

        private enum CodingKeys: String, CodingKey {
            case answered, behind, failing, unanswered, conflicting
            case onTarget = "on_target"
        }

        /// The number of hosts in the gate.
        var hosts: Int { (onTarget ?? answered ?? 0) + behind + failing + unanswered + conflicting }

        /// The number of hosts on the target, or with a usable answer if there was nothing to compare with.
        var wellCount: Int { onTarget ?? hosts - unanswered - conflicting }

        /// The counts in one line, with a note that a status proves nothing.
        var line: String {
            let first =
                onTarget == nil
                ? "\(wellCount) of \(hosts.hostCount) answered"
                : "on target now: \(wellCount) of \(hosts.hostCount) (one observation; run verify to prove it)"
            let others = [
                (failing, "failing"), (behind, "serving another build"), (unanswered, "without a usable answer"),
                (conflicting, "answered by another host"),
            ]
            return ([first] + others.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }).joined(separator: ", ")
        }

        /// The way to get a comparison; nil if there was one.
        var advice: String? {
            onTarget == nil ? "nothing to compare with: give --sha, --digest or --image" : nil
        }
    }
}
