package import CollectorSupport
import Shared

/// The result of waiting for CI, as printed by `wait-ci --json` (schema 1).
package struct CIResult: Encodable, Sendable {
    package static let schema = 1

    /// A reporter under a context's name: a workflow's run, an app's check run, or a creator's statuses.
    package struct Reporter: Encodable, Sendable {
        var state: String
        var id: Int64
        /// `status`, `check-run by APP`, or `workflow-run` for a run that should have reported under the name and has not;
        /// `id` is then the run's number.
        var source: String
        @ExplicitNull var workflow: String?
        @ExplicitNull var event: String?
        @ExplicitNull var run: Int64?
        @ExplicitNull var attempt: Int?
        /// Its end, or else its start, by the forge's clock (RFC 3339).
        @ExplicitNull var at: String?
        @ExplicitNull var url: String?
    }

    package struct Context: Encodable, Sendable {
        package var name: String
        /// The forge's state, or `missing`, `unsettled` for a contradictory reading, or `unread`.
        package var state: String
        @ExplicitNull package var id: Int64?
        /// `status`, `check-run by APP` or `workflow-run`.
        @ExplicitNull package var source: String?
        /// The times the decisive row was first and last seen, by the local clock (RFC 3339).
        @ExplicitNull var firstSeen: String?
        @ExplicitNull var lastSeen: String?
        /// A link without user, query and fragment.
        @ExplicitNull package var url: String?
        /// All reporters that count; the fields above belong to the decisive one.
        var reporters: [Reporter]
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
    /// The number of successful readings and of failed requests.
    var readings: Int
    var failures: Int
    package var contexts: [Context]
    private enum CodingKeys: String, CodingKey {
        case schema, forge, repository, sha, verdict, reason, seconds, readings, failures, contexts
        case exitCode = "exit_code"
    }
}

extension CIResult {
    /// - Parameters:
    ///   - wait: a state machine with a verdict; without one the result is `unreadable`.
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

    /// Throws unless every context was green.
    package func requireGreen() throws(GateError) {
        switch ExitStatus(rawValue: exitCode) {
        case .success where verdict == CIVerdict.green.name: return
        case .refused: throw .refused(reason, by: .ci)
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

/// The verdict on a commit's CI.
package enum CIVerdict: Hashable, Sendable {
    /// Every required context was `success` in one reading.
    case green
    /// A required context ended without success.
    case failed
    /// The time limit passed.
    case timedOut
    /// The time limit passed without a successful reading.
    case unreadable
    /// The forge refused: credentials, repository or certificate.
    case refused
    /// SIGINT or SIGTERM.
    case interrupted(signal: Int32)

    /// The name in JSON.
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
