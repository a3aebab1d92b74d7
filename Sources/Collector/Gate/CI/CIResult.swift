package import CollectorSupport
import Shared

/// How waiting for CI ended, schema 1: what `wait-ci --json` prints. Field names are snake case.
package struct CIResult: Encodable, Sendable {
    package static let schema = 1

    /// One of those who report under a name: a workflow's run, an app's check run, or a creator's statuses.
    package struct Reporter: Encodable, Sendable {
        var state: String
        var id: Int64
        /// `status`, or `check-run by APP`; `workflow-run` for a run that should have reported under the name, and has not:
        /// `id` is the run's number then.
        var source: String
        @ExplicitNull var workflow: String?
        @ExplicitNull var event: String?
        @ExplicitNull var run: Int64?
        @ExplicitNull var attempt: Int?
        /// RFC 3339, by the forge's clock: when it ended, or else began.
        @ExplicitNull var at: String?
        @ExplicitNull var url: String?
    }

    package struct Context: Encodable, Sendable {
        package var name: String
        /// The forge's word, or `missing`, or `unsettled` where what was read contradicts itself, or `unread`.
        package var state: String
        @ExplicitNull package var id: Int64?
        /// `status`, `check-run by APP` or `workflow-run`.
        @ExplicitNull package var source: String?
        /// RFC 3339: when the row that decides was first and last seen from here.
        @ExplicitNull var firstSeen: String?
        @ExplicitNull var lastSeen: String?
        /// Without user, query and fragment.
        @ExplicitNull package var url: String?
        /// Everybody who was counted; the fields above are of the one who decides.
        var reporters: [Reporter]

        package init(
            name: String, state: String, id: Int64? = nil, source: String? = nil, firstSeen: String? = nil,
            lastSeen: String? = nil, url: String? = nil, reporters: [Reporter]
        ) {
            self.name = name
            self.state = state
            self.id = id
            self.source = source
            self.firstSeen = firstSeen
            self.lastSeen = lastSeen
            self.url = url
            self.reporters = reporters
        }

        private enum CodingKeys: String, CodingKey {
            case name, state, id, source, url, reporters
            case firstSeen = "first_seen"
            case lastSeen = "last_seen"
        }
    }

    package var schema = CIResult.schema
    package var forge: String
    package var repository: String
    package var sha: String
    /// `green`, `failed`, `timed_out`, `unreadable`, `refused` or `interrupted`.
    package var verdict: String
    package var exitCode: Int32
    /// One sentence.
    package var reason: String
    package var seconds: Double
    /// Answers that were read, and requests that failed.
    var readings: Int
    var failures: Int
    package var contexts: [Context]

    package init(
        schema: Int = CIResult.schema, forge: String, repository: String, sha: String, verdict: String, exitCode: Int32,
        reason: String, seconds: Double, readings: Int, failures: Int, contexts: [Context]
    ) {
        self.schema = schema
        self.forge = forge
        self.repository = repository
        self.sha = sha
        self.verdict = verdict
        self.exitCode = exitCode
        self.reason = reason
        self.seconds = seconds
        self.readings = readings
        self.failures = failures
        self.contexts = contexts
    }

    private enum CodingKeys: String, CodingKey {
        case schema, forge, repository, sha, verdict, reason, seconds, readings, failures, contexts
        case exitCode = "exit_code"
    }
}

extension CIResult {
    /// - Parameters:
    ///   - wait: one that has come to its verdict; without one it counts as not readable.
    ///   - startedAt: milliseconds since 1970.
    init(_ wait: CIStateMachine, forge: String, repository: String, startedAt: Int64) {
        func time(_ offset: Duration?) -> String? {
            offset.map { RFC3339.text(unixMilliseconds: startedAt + Int64($0.seconds * 1_000)) }
        }
        let verdict = wait.verdict ?? .unreadable
        self.init(
            forge: forge, repository: repository, sha: wait.sha.hex, verdict: verdict.name, exitCode: verdict.exitCode,
            reason: wait.summary, seconds: Double(Int((wait.endedAt ?? .zero).seconds * 1_000)) / 1_000,
            readings: wait.readings, failures: wait.failures,
            contexts: wait.tracks.map { track in
                Context(
                    name: Sanitizer.singleLine(track.context), state: track.isKnown ? track.state.name : "unread",
                    id: track.row?.id,
                    source: track.row.map { Sanitizer.singleLine($0.source.description, limit: 80) },
                    firstSeen: time(track.firstSeen), lastSeen: time(track.lastSeen), url: track.row?.url,
                    reporters: track.reporters.map(Reporter.init))
            })
    }

    /// - Throws: unless every context was green.
    package func requireGreen() throws(GateError) {
        switch ExitStatus(rawValue: exitCode) {
        case .success where verdict == CIVerdict.green.name: return
        case .refused: throw .refused(reason)
        case .hangup, .interrupt, .terminated: throw .interrupted(signal: exitCode - 128, reason)
        default: throw .unavailable(reason)
        }
    }
}

extension CIResult.Reporter {
    init(_ reporter: CIReporter) {
        self.init(
            state: reporter.row.state.name, id: reporter.row.id,
            source: Sanitizer.singleLine(reporter.row.source.description, limit: 80), workflow: reporter.workflow,
            event: reporter.event, run: reporter.runNumber, attempt: reporter.run?.attempt, at: reporter.time,
            url: reporter.row.url)
    }
}

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
