package import Shared
package import Verdict

extension Report {
    /// One host at the end.
    package struct Host: Codable, Hashable, Sendable {
        /// A container that matches the service's selector but is not one of its instances.
        package struct LeftOut: Codable, Hashable, Sendable {
            var name: String
            /// The deployment that the container belongs to; nil if it names none.
            var project: String?
            var reason: LeftOutContainer.Reason
            var state: ServiceState
        }

        package struct Waived: Codable, Hashable, Sendable {
            package internal(set) var until: String
            package internal(set) var reason: String
            package internal(set) var by: String?
            /// True if the waiver had run out, so that the host counted.
            package internal(set) var expired: Bool

            package init(until: String, reason: String, by: String? = nil, expired: Bool) {
                self.until = until
                self.reason = reason
                self.by = by
                self.expired = expired
            }
        }

        package struct Transition: Codable, Hashable, Sendable {
            /// Seconds since the start.
            package internal(set) var seconds: Double
            package internal(set) var status: HostStatus
            /// One line: the finding, without a remedy.
            package internal(set) var reason: String
            /// nil in the records of older collectors.
            package var reasonCode: HostReason.Code?

            package init(seconds: Double, status: HostStatus, reason: String, reasonCode: HostReason.Code? = nil) {
                self.seconds = seconds
                self.status = status
                self.reason = reason
                self.reasonCode = reasonCode
            }

            package enum CodingKeys: String, CodingKey {
                case seconds, status, reason
                case reasonCode = "reason_code"
            }
        }

        package internal(set) var name: String
        package internal(set) var url: String
        package internal(set) var labels: [String: String]
        /// The version of the agent that answered last; nil if none did, and in the records of older collectors.
        package var agentVersion: String?
        package internal(set) var status: HostStatus
        package internal(set) var waived: Waived?
        /// One line: the finding and the remedy.
        package internal(set) var reason: String
        /// nil in the records of older collectors, and for a status without a target.
        package var reasonCode: HostReason.Code?
        /// The parts of the reason; nil if it has no remedy and no note.
        package var reasonParts: ReasonText?
        package internal(set) var gitSHA: GitSHA?
        package internal(set) var digest: Digest?
        package internal(set) var facts: HostFacts
        package internal(set) var attempts: Int
        /// Seconds from the start until the host first served the target in the run that proved it; nil if it did not
        /// converge, or served the target from the start.
        package internal(set) var secondsToConverge: Double?
        /// True if the host converged, and served the target from its first answer.
        package var servedFromStart: Bool { status == .converged && secondsToConverge == nil }
        /// The age of the last answer at the end, in seconds.
        package internal(set) var lastAnswerAgeSeconds: Double?
        /// How far the host's clock is ahead of the collector's, in seconds; nil if unknown.
        package internal(set) var clockOffsetSeconds: Double?
        package internal(set) var transitions: [Transition]
        /// Facts that do not change the verdict but that readers should know, one line each; nil if empty.
        package internal(set) var warnings: [String]?
        /// The deployments of the instances (Compose projects, Swarm stacks), as a list; nil if they name none.
        package internal(set) var project: String?
        /// The declared number of instances; nil if none was declared.
        package internal(set) var instancesExpected: Int?
        /// nil unless this is a status.
        package var sweep: SweepStatus?
        /// The start of the instance that decided the status, RFC 3339 as its engine wrote it; nil if unknown.
        var runningSince: String?
        /// nil if no container was left out.
        package internal(set) var leftOut: [LeftOut]?

        package init(
            name: String, url: String, labels: [String: String], status: HostStatus, waived: Waived? = nil,
            reason: String, reasonCode: HostReason.Code? = nil, reasonParts: ReasonText? = nil, gitSHA: GitSHA? = nil,
            digest: Digest? = nil, facts: HostFacts, attempts: Int,
            secondsToConverge: Double? = nil, lastAnswerAgeSeconds: Double? = nil, clockOffsetSeconds: Double? = nil,
            transitions: [Transition], warnings: [String]? = nil, project: String? = nil, instancesExpected: Int? = nil,
            leftOut: [LeftOut]? = nil
        ) {
            self.name = name
            self.url = url
            self.labels = labels
            self.status = status
            self.waived = waived
            self.reason = reason
            self.reasonCode = reasonCode
            self.reasonParts = reasonParts
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
            self.leftOut = leftOut
        }

        private enum CodingKeys: String, CodingKey {
            case name, url, labels, status, waived, reason, digest, facts, attempts, transitions, warnings, project,
                sweep
            case agentVersion = "agent_version"
            case reasonCode = "reason_code"
            case reasonParts = "reason_parts"
            case instancesExpected = "instances_expected"
            case runningSince = "running_since"
            case leftOut = "left_out"
            case gitSHA = "git_sha"
            case secondsToConverge = "seconds_to_converge"
            case lastAnswerAgeSeconds = "last_answer_age_seconds"
            case clockOffsetSeconds = "clock_offset_seconds"
        }

        /// As synthesized, except that null is written for some properties. They are no `ExplicitNull`: to read one, a whole
        /// host would be copied.
        package func encode(to encoder: any Encoder) throws {
            var fields = encoder.container(keyedBy: CodingKeys.self)
            try fields.encode(name, forKey: .name)
            try fields.encode(url, forKey: .url)
            try fields.encode(labels, forKey: .labels)
            try fields.encodeIfPresent(agentVersion, forKey: .agentVersion)
            try fields.encode(status, forKey: .status)
            try fields.encode(waived, forKey: .waived)
            try fields.encode(reason, forKey: .reason)
            try fields.encodeIfPresent(reasonCode, forKey: .reasonCode)
            try fields.encodeIfPresent(reasonParts, forKey: .reasonParts)
            try fields.encode(gitSHA, forKey: .gitSHA)
            try fields.encode(digest, forKey: .digest)
            try fields.encode(facts, forKey: .facts)
            try fields.encode(attempts, forKey: .attempts)
            try fields.encode(secondsToConverge, forKey: .secondsToConverge)
            try fields.encode(lastAnswerAgeSeconds, forKey: .lastAnswerAgeSeconds)
            try fields.encode(clockOffsetSeconds, forKey: .clockOffsetSeconds)
            try fields.encode(transitions, forKey: .transitions)
            try fields.encodeIfPresent(warnings, forKey: .warnings)
            try fields.encodeIfPresent(project, forKey: .project)
            try fields.encodeIfPresent(instancesExpected, forKey: .instancesExpected)
            try fields.encodeIfPresent(sweep, forKey: .sweep)
            try fields.encodeIfPresent(runningSince, forKey: .runningSince)
            try fields.encodeIfPresent(leftOut, forKey: .leftOut)
        }
    }
}
