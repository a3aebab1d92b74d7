import AgentCore
import Shared
import Synchronization

/// The agent's metrics in Prometheus' text format, version 0.0.4.
struct MetricsPage {
    let entries: [DocumentStore.Entry]
    let counts: Metrics.Counts
    let now: ContinuousClock.Instant
    let startedAt: ContinuousClock.Instant
    let unixMilliseconds: Int64
    let expiries: [CertificateExpiry]

    /// In the order in which they are written.
    private typealias Labels = KeyValuePairs<String, String>

    var text: String {
        let services = entries.map(\.body.content)
        let ages = entries.map { entry -> (Labels, String) in
            (["service": entry.body.content.service], DocumentBody.seconds(now - (entry.startedAt ?? startedAt)))
        }
        let streams = counts.engineStreams.sorted { $0.key < $1.key }
        let uptime = now - startedAt
        let started = unixMilliseconds - Int64(uptime.seconds * 1_000)
        return [
            family(
                "buildinfo_served_info", "gauge", "What each service serves; the value is always 1.",
                services.map { content in
                    let labels: Labels = [
                        "service": content.service, "git_sha": content.gitSHA?.hex ?? "",
                        "digest": content.digest?.description ?? "", "state": content.state.rawValue,
                    ]
                    return (labels, "1")
                }),
            family(
                "buildinfo_instances", "gauge", "Containers (or files) of each service.",
                services.map { (["service": $0.service], "\($0.instances.count)") }),
            family(
                "buildinfo_engine_look_age_seconds", "gauge", "Age of the evidence that is served for each service.",
                ages),
            family("buildinfo_engine_looks_total", "counter", "Looks at the engines.", [([:], "\(counts.looks)")]),
            family(
                "buildinfo_engine_look_failures_total", "counter", "Looks that failed, by engine and reason.",
                EngineFailure.Reason.allCases.map { (["reason": $0.rawValue], "\(counts.lookFailures[$0] ?? 0)") }),
            family(
                "buildinfo_engine_event_stream_up", "gauge", "Whether the engine's event stream stands.",
                streams.map { (["engine": $0], $1.isUp ? "1" : "0") }),
            family(
                "buildinfo_engine_events_total", "counter", "Events of the engine that may change a document.",
                streams.map { (["engine": $0], "\($1.events)") }),
            family(
                "buildinfo_engine_event_stream_reconnects_total", "counter",
                "How often the engine's event stream was opened again.",
                streams.map { (["engine": $0], "\(max(0, $1.openings - 1))") }),
            family(
                "buildinfo_http_requests_total", "counter", "Answers, by status code.",
                counts.requests.sorted { $0.key < $1.key }.map { (["code": "\($0.key)"], "\($0.value)") }),
            family(
                "buildinfo_http_connections", "gauge", "Open connections.", [([:], "\(counts.connectionsOpen)")]),
            family(
                "buildinfo_http_requests_held", "gauge", "Requests that wait for a change.",
                [([:], "\(counts.requestsHeld)")]),
            family(
                "buildinfo_http_connections_total", "counter", "Connections, by what became of them.",
                [
                    (["outcome": "accepted"], "\(counts.connectionsAccepted)"),
                    (["outcome": "refused"], "\(counts.connectionsRefused)"),
                ]),
            family(
                "buildinfo_http_connections_given_up_total", "counter",
                "Connections without a request under way that were ended for new ones, while all places were taken.",
                [([:], "\(counts.connectionsGivenUp)")]),
            family(
                "buildinfo_tls_handshake_failures_total", "counter", "Connections that were never secured.",
                [([:], "\(counts.handshakesFailed)")]),
            family(
                "buildinfo_certificate_expiry_timestamp_seconds", "gauge",
                "When the first certificate of each file expires, since 1970.",
                expiries.map { (["certificate": $0.owner.rawValue], "\($0.seconds)") }),
            family(
                "buildinfo_agent_info", "gauge", "The agent's version; the value is always 1.",
                [(["version": BuildinfoVersion.current], "1")]),
            family(
                "buildinfo_agent_uptime_seconds", "gauge", "Since the agent started, by the monotonic clock.",
                [([:], DocumentBody.seconds(uptime))]),
            family(
                "process_start_time_seconds", "gauge", "When the agent started, since 1970.",
                [([:], DocumentBody.seconds(.milliseconds(started)))]),
        ].joined()
    }

    private func family(_ name: String, _ type: String, _ help: String, _ samples: [(Labels, String)])
        -> String
    {
        guard !samples.isEmpty else { return "" }
        let lines = samples.map { labels, value in
            let pairs = labels.map { "\($0.key)=\"\(Self.escaped($0.value))\"" }
            return "\(name)\(pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}") \(value)\n"
        }
        return "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n\(lines.joined())"
    }

    /// Source: Prometheus, "Text-based format": backslash, double quote and line feed are escaped in label values.
    static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}

/// What the agent counts about itself.
final class Metrics: Sendable {
    struct Counts {
        var requests: [Int: Int] = [:]
        var lookFailures: [EngineFailure.Reason: Int] = [:]
        var looks = 0
        /// By socket: the named ones, or those of the defaults that were found.
        var engineStreams: [String: EngineStream] = [:]
        var connectionsOpen = 0
        var connectionsAccepted = 0
        var connectionsRefused = 0
        /// For others, while all places were taken.
        var connectionsGivenUp = 0
        var handshakesFailed = 0
        var requestsHeld = 0
    }

    /// An engine's event stream.
    struct EngineStream: Codable, Hashable {
        var isUp = false
        /// Those that matter.
        var events = 0
        /// How often it was opened.
        var openings = 0
    }

    private let counts = Mutex(Counts())

    func update(_ change: (inout Counts) -> Void) {
        counts.withLock { change(&$0) }
    }

    var current: Counts { counts.withLock { $0 } }
}
