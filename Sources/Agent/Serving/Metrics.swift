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

    /// Labels in the order of output.
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
                "buildinfo_served_info", "gauge", "Commit, digest and state of each service; the value is always 1.",
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
                "buildinfo_engine_look_age_seconds", "gauge", "Age of the evidence of each service.",
                ages),
            family(
                "buildinfo_engine_looks_total", "counter", "Observations of the engines.", [([:], "\(counts.scans)")]),
            family(
                "buildinfo_engine_look_failures_total", "counter", "Failed observations, by reason.",
                EngineFailure.Reason.allCases.map { (["reason": $0.rawValue], "\(counts.scanFailures[$0] ?? 0)") }),
            family(
                "buildinfo_engine_event_stream_up", "gauge", "1 if the engine's event stream is open.",
                streams.map { (["engine": $0], $1.isUp ? "1" : "0") }),
            family(
                "buildinfo_engine_events_total", "counter", "Events of the engine that can change a document.",
                streams.map { (["engine": $0], "\($1.events)") }),
            family(
                "buildinfo_engine_event_stream_reconnects_total", "counter",
                "Reconnections of the engine's event stream.",
                streams.map { (["engine": $0], "\(max(0, $1.openings - 1))") }),
            family(
                "buildinfo_http_requests_total", "counter", "Answers, by status code.",
                counts.requests.sorted { $0.key < $1.key }.map { (["code": "\($0.key)"], "\($0.value)") }),
            family(
                "buildinfo_http_connections", "gauge", "Open connections.", [([:], "\(counts.connectionsOpen)")]),
            family(
                "buildinfo_http_requests_held", "gauge", "Requests that are held until a change.",
                [([:], "\(counts.requestsHeld)")]),
            family(
                "buildinfo_http_connections_total", "counter", "Connections, by outcome.",
                [
                    (["outcome": "accepted"], "\(counts.connectionsAccepted)"),
                    (["outcome": "refused"], "\(counts.connectionsRefused)"),
                ]),
            family(
                "buildinfo_http_connections_given_up_total", "counter",
                "Idle connections that were closed for new ones at the connection limit.",
                [([:], "\(counts.connectionsGivenUp)")]),
            family(
                "buildinfo_tls_handshake_failures_total", "counter", "Failed TLS handshakes.",
                [([:], "\(counts.handshakesFailed)")]),
            family(
                "buildinfo_certificate_expiry_timestamp_seconds", "gauge",
                "Expiry of the first certificate of each file to expire, in seconds since 1970.",
                expiries.map { (["certificate": $0.owner.rawValue], "\($0.seconds)") }),
            family(
                "buildinfo_agent_info", "gauge", "The agent's version; the value is always 1.",
                [(["version": BuildinfoVersion.current], "1")]),
            family(
                "buildinfo_agent_uptime_seconds", "gauge", "Time since the start of the agent, by the monotonic clock.",
                [([:], DocumentBody.seconds(uptime))]),
            family(
                "process_start_time_seconds", "gauge", "Start of the agent in seconds since 1970.",
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

/// The agent's counters.
final class Metrics: Sendable {
    struct Counts {
        var requests: [Int: Int] = [:]
        var scanFailures: [EngineFailure.Reason: Int] = [:]
        var scans = 0
        /// The event streams by socket.
        var engineStreams: [String: EngineStream] = [:]
        var connectionsOpen = 0
        var connectionsAccepted = 0
        var connectionsRefused = 0
        /// Idle connections that were closed for new ones at the limit.
        var connectionsGivenUp = 0
        var handshakesFailed = 0
        var requestsHeld = 0
    }

    /// An engine's event stream.
    struct EngineStream: Codable, Hashable {
        var isUp = false
        /// The events that can change a document.
        var events = 0
        /// The number of times it was opened.
        var openings = 0
    }

    private let counts = Mutex(Counts())

    func update(_ change: (inout Counts) -> Void) {
        counts.withLock { change(&$0) }
    }

    var current: Counts { counts.withLock { $0 } }
}
