package import CollectorSupport
package import Shared
package import Verdict

/// The report of one verification, schema 2: the one model that every format is rendered from.
///
/// `Tests/Schemas/report.schema.json` is its schema. Field names in JSON are snake case. Everything in it is clean text.
package struct Report: Codable, Hashable, Sendable {
    package static let schema = 2

    package var schema = Report.schema
    package var verification: Run
    package var target: PromotedTarget
    package var inventory: InventorySummary
    package var policy: PolicySummary
    /// The promotion that took over from the target; nil where none did.
    package var successor: Successor?
    package var verdict: Verdict
    package var exitCode: Int32
    package var reasons: [Reason]
    /// What a reader should know although it changes no verdict. Each is one line.
    package var warnings: [String]
    package var summary: Summary
    /// Every host of the inventory exactly once: proven ones first, the ones that need attention last, worst at the end.
    package var hosts: [Host]
    /// nil where no evidence was written.
    package var evidence: EvidenceFile?
    /// nil where nothing was promoted, but verified only.
    package var promotion: PromotionRecord? { didSet { settleAdvice() } }
    /// nil unless a status was asked for a tag.
    package var drift: Drift? { didSet { settleAdvice() } }
    /// nil unless every host was asked once, for a status.
    var sweep: Sweep?

    package init(
        schema: Int = Report.schema, verification: Run, target: PromotedTarget, inventory: InventorySummary,
        policy: PolicySummary, successor: Successor? = nil, verdict: Verdict, exitCode: Int32, reasons: [Reason],
        warnings: [String], summary: Summary, hosts: [Host], evidence: EvidenceFile? = nil,
        promotion: PromotionRecord? = nil, drift: Drift? = nil, sweep: Sweep? = nil
    ) {
        self.schema = schema
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
        self.sweep = sweep
    }

    package enum CodingKeys: String, CodingKey {
        case schema, verification, target, inventory, policy, successor, verdict, reasons, warnings, summary, hosts,
            evidence, promotion, drift, sweep
        case exitCode = "exit_code"
    }

    /// Which verification, when, and by what.
    package struct Run: Codable, Hashable, Sendable {
        package struct Collector: Codable, Hashable, Sendable {
            package var version: String

            package init(version: String) {
                self.version = version
            }
        }

        package var id: String
        /// RFC 3339.
        package var startedAt: String
        package var finishedAt: String
        package var durationSeconds: Double
        package var collector: Collector

        package init(id: String, startedAt: String, finishedAt: String, durationSeconds: Double, collector: Collector) {
            self.id = id
            self.startedAt = startedAt
            self.finishedAt = finishedAt
            self.durationSeconds = durationSeconds
            self.collector = collector
        }

        package enum CodingKeys: String, CodingKey {
            case id, collector
            case startedAt = "started_at"
            case finishedAt = "finished_at"
            case durationSeconds = "duration_seconds"
        }
    }

    /// The file that the verification can be replayed from.
    package struct EvidenceFile: Codable, Hashable, Sendable {
        /// `sha256:<64 hex>` of the whole file, as `sha256sum` computes it.
        package var hash: String

        package init(hash: String) {
            self.hash = hash
        }
    }

    package struct PromotedTarget: Codable, Hashable, Sendable {
        package struct Equivalent: Codable, Hashable, Sendable {
            package var digest: Digest
            /// `manifest` or `config`.
            package var kind: String
            package var platform: String?

            package init(digest: Digest, kind: String, platform: String? = nil) {
                self.digest = digest
                self.kind = kind
                self.platform = platform
            }
        }

        package var service: String
        @ExplicitNull package var gitSHA: GitSHA?
        @ExplicitNull package var digest: Digest?
        @ExplicitNull package var image: String?
        @ExplicitNull package var generation: Int?
        /// What else proves the target: the manifests and configurations that the promoted bytes name.
        package var equivalentDigests: [Equivalent]

        package init(
            service: String, gitSHA: GitSHA? = nil, digest: Digest? = nil, image: String? = nil, generation: Int? = nil,
            equivalentDigests: [Equivalent]
        ) {
            self.service = service
            self.gitSHA = gitSHA
            self.digest = digest
            self.image = image
            self.generation = generation
            self.equivalentDigests = equivalentDigests
        }

        package enum CodingKeys: String, CodingKey {
            case service, digest, image, generation
            case gitSHA = "git_sha"
            case equivalentDigests = "equivalent_digests"
        }
    }

    package struct InventorySummary: Codable, Hashable, Sendable {
        /// Where it was read from.
        package var source: String
        /// `sha256:<64 hex>` of the frozen inventory.
        package var hash: String
        /// All hosts that were selected, waived ones too.
        package var expected: Int
        /// All hosts that the inventory lists, selected or not; nil where everything was selected.
        package var listed: Int?
        /// The terms of the selection, sorted, for example `region=eu` and `group!=lab`; nil where there was none.
        package var selected: [String]?

        package init(source: String, hash: String, expected: Int, listed: Int? = nil, selected: [String]? = nil) {
            self.source = source
            self.hash = hash
            self.expected = expected
            self.listed = listed
            self.selected = selected
        }

        /// Hosts that the inventory lists, whether a selection left some out or not.
        package var total: Int { listed ?? expected }
    }

    /// A newer promotion, and how far the fleet had come with it at the end. Counts are of the hosts in the gate.
    package struct Successor: Codable, Hashable, Sendable {
        package var generation: Int
        @ExplicitNull package var gitSHA: GitSHA?
        @ExplicitNull package var digest: Digest?
        /// RFC 3339.
        package var promotedAt: String
        var hostsServing: Int
        var hostsOnTarget: Int
        var hostsOnNeither: Int

        package init(
            generation: Int, gitSHA: GitSHA? = nil, digest: Digest? = nil, promotedAt: String, hostsServing: Int,
            hostsOnTarget: Int, hostsOnNeither: Int
        ) {
            self.generation = generation
            self.gitSHA = gitSHA
            self.digest = digest
            self.promotedAt = promotedAt
            self.hostsServing = hostsServing
            self.hostsOnTarget = hostsOnTarget
            self.hostsOnNeither = hostsOnNeither
        }

        package enum CodingKeys: String, CodingKey {
            case generation, digest
            case gitSHA = "git_sha"
            case promotedAt = "promoted_at"
            case hostsServing = "hosts_serving"
            case hostsOnTarget = "hosts_on_target"
            case hostsOnNeither = "hosts_on_neither"
        }
    }

    /// The policy as it was in force, in seconds and as typed.
    package struct PolicySummary: Codable, Hashable, Sendable {
        package var timeoutSeconds: Double
        var intervalSeconds: Double
        var requestTimeoutSeconds: Double
        var soakSeconds: Double
        var stallSeconds: Double
        package var failAfter: Int
        package var maxStragglers: String
        package var maxUnreachable: String
        package var maxFailed: String
        package var minProven: String
        package var supersededOK: Bool
        /// As typed, for example `region=eu:10%`; nil where there are none, as in what older collectors recorded.
        package var maxStragglersByLabel: [String]?
        package var maxUnreachableByLabel: [String]?
        package var maxFailedByLabel: [String]?
        package var require: [String]?

        package init(
            timeoutSeconds: Double, intervalSeconds: Double, requestTimeoutSeconds: Double, soakSeconds: Double,
            stallSeconds: Double, failAfter: Int, maxStragglers: String, maxUnreachable: String, maxFailed: String,
            minProven: String, supersededOK: Bool, maxStragglersByLabel: [String]? = nil,
            maxUnreachableByLabel: [String]? = nil, maxFailedByLabel: [String]? = nil, require: [String]? = nil
        ) {
            self.timeoutSeconds = timeoutSeconds
            self.intervalSeconds = intervalSeconds
            self.requestTimeoutSeconds = requestTimeoutSeconds
            self.soakSeconds = soakSeconds
            self.stallSeconds = stallSeconds
            self.failAfter = failAfter
            self.maxStragglers = maxStragglers
            self.maxUnreachable = maxUnreachable
            self.maxFailed = maxFailed
            self.minProven = minProven
            self.supersededOK = supersededOK
            self.maxStragglersByLabel = maxStragglersByLabel
            self.maxUnreachableByLabel = maxUnreachableByLabel
            self.maxFailedByLabel = maxFailedByLabel
            self.require = require
        }

        package enum CodingKeys: String, CodingKey {
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

        /// Hosts that the gate is about: all but the waived ones.
        package var expected: Int
        package var proven: Int
        /// Waived hosts, which are in `statuses` too.
        package var waived: Int
        /// How many hosts have each status that occurs.
        package var statuses: [String: Int]
        @ExplicitNull package var secondsToConverge: Percentiles?

        package init(
            expected: Int, proven: Int, waived: Int, statuses: [String: Int], secondsToConverge: Percentiles? = nil
        ) {
            self.expected = expected
            self.proven = proven
            self.waived = waived
            self.statuses = statuses
            self.secondsToConverge = secondsToConverge
        }

        package enum CodingKeys: String, CodingKey {
            case expected, proven, waived, statuses
            case secondsToConverge = "seconds_to_converge"
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
                secondsToConverge: try fields.decodeIfPresent(Percentiles.self, forKey: .secondsToConverge))
        }
    }

    /// What one look at every host found. Counts are of the hosts in the gate, and add up to their number.
    package struct Sweep: Codable, Hashable, Sendable {
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
    package struct Host: Codable, Hashable, Sendable {
        /// A container that matches the service's selector, and is none of its instances.
        package struct LeftOut: Codable, Hashable, Sendable {
            package var name: String
            /// The deployment that it belongs to; nil where it names none.
            package var project: String?
            /// As the agent's document has it: `replaced`, `one_off`, `task`, `infrastructure` or `other`.
            package var reason: LeftOutContainer.Reason
            package var state: ServiceState

            package init(name: String, project: String? = nil, reason: LeftOutContainer.Reason, state: ServiceState) {
                self.name = name
                self.project = project
                self.reason = reason
                self.state = state
            }
        }

        package struct Waived: Codable, Hashable, Sendable {
            package var until: String
            package var reason: String
            package var by: String?
            /// Whether it had run out, so that the host counted after all.
            package var expired: Bool

            package init(until: String, reason: String, by: String? = nil, expired: Bool) {
                self.until = until
                self.reason = reason
                self.by = by
                self.expired = expired
            }
        }

        package struct Transition: Codable, Hashable, Sendable {
            /// Since the start.
            package var seconds: Double
            package var status: HostStatus
            package var reason: String

            package init(seconds: Double, status: HostStatus, reason: String) {
                self.seconds = seconds
                self.status = status
                self.reason = reason
            }
        }

        package var name: String
        package var url: String
        package var labels: [String: String]
        package var status: HostStatus
        @ExplicitNull package var waived: Waived?
        /// One line: what was seen, and what to do.
        package var reason: String
        @ExplicitNull package var gitSHA: GitSHA?
        @ExplicitNull package var digest: Digest?
        package var facts: HostFacts
        package var attempts: Int
        /// From the start until the host was first seen to serve the target in the run that proved it.
        @ExplicitNull package var secondsToConverge: Double?
        /// How old the last answer was at the end.
        @ExplicitNull package var lastAnswerAgeSeconds: Double?
        /// How far the host's clock is from the collector's, for people; nil where it is not known.
        @ExplicitNull package var clockOffsetSeconds: Double?
        package var transitions: [Transition]
        /// What a reader should know of the host although it changes no verdict, a line each; nil for nothing.
        package var warnings: [String]?
        /// The deployments that its instances belong to (Compose projects, Swarm stacks), in a list; nil where they name none.
        package var project: String?
        /// How many instances the host's operator declared; nil where none were.
        package var instancesExpected: Int?
        /// When the instance that speaks for the service started, RFC 3339 as its engine wrote it; nil where it did not say.
        var runningSince: String?
        /// nil where no container was left out.
        package var leftOut: [LeftOut]?

        package init(
            name: String, url: String, labels: [String: String], status: HostStatus, waived: Waived? = nil,
            reason: String, gitSHA: GitSHA? = nil, digest: Digest? = nil, facts: HostFacts, attempts: Int,
            secondsToConverge: Double? = nil, lastAnswerAgeSeconds: Double? = nil, clockOffsetSeconds: Double? = nil,
            transitions: [Transition], warnings: [String]? = nil, project: String? = nil, instancesExpected: Int? = nil,
            runningSince: String? = nil, leftOut: [LeftOut]? = nil
        ) {
            self.name = name
            self.url = url
            self.labels = labels
            self.status = status
            self.waived = waived
            self.reason = reason
            self.gitSHA = gitSHA
            self.digest = digest
            self.facts = facts
            self.attempts = attempts
            self.secondsToConverge = secondsToConverge
            self.lastAnswerAgeSeconds = lastAnswerAgeSeconds
            self.clockOffsetSeconds = clockOffsetSeconds
            self.transitions = transitions
            self.warnings = warnings
            self.project = project
            self.instancesExpected = instancesExpected
            self.runningSince = runningSince
            self.leftOut = leftOut
        }

        package enum CodingKeys: String, CodingKey {
            case name, url, labels, status, waived, reason, digest, facts, attempts, transitions, warnings, project
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
