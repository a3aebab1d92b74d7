import Shared

/// A request without a usable answer, and the words for it.
///
/// The detail is recorded with the evidence, so everything here derives from it: its words come from the transfer layer and
/// from the response decoder, and an unknown detail gets the remedy of its outcome.
package struct FailedRequest: Hashable, Sendable {
    package var outcome: RequestOutcome
    /// One clean line.
    package var detail: String
    /// The URL of the inventory.
    package var url: String
    package var service: String

    package init(_ outcome: RequestOutcome, detail: String, url: String = "", service: String = "") {
        self.outcome = outcome
        self.detail = detail
        self.url = url
        self.service = service
    }

    /// What happened, without a remedy.
    var cause: String {
        switch outcome {
        case .never: "never answered"
        case .ok: "answered before"
        default: detail
        }
    }

    package var text: ReasonText { ReasonText(cause, remedy: remedy, summary: summary) }

    /// The cause without the host's own name; nil if it contains none.
    private var summary: String? {
        switch outcome {
        case .dns: "the name does not resolve"
        case .timeout: "no answer in time"
        case .refused: detail.hasPrefix("connection refused") ? "connection refused" : nil
        case .notSent: detail
        default: nil
        }
    }

    private var remedy: String {
        switch outcome {
        case .dns: "check the name in the inventory, and the resolver"
        case .tls: tls
        case .refused: "check that the agent runs (systemctl status buildinfo-agent), its port and the firewall"
        case .timeout, .never, .ok: "check the host, the network and the agent"
        case .auth:
            switch status {
            case 401: "check the token (--token-file, or access in the inventory)"
            case 403:
                "the agent does not accept this client certificate: check --cert, and --tls-client-name on the host"
            default: "check the token (--token-file) and the client certificate (--cert), or access in the inventory"
            }
        case .httpStatus: http
        case .notBuildinfo: path ?? "check what answers at this URL"
        case .tooLarge: "not a buildinfo document; check the URL"
        case .protocolError: wrongScheme ?? "check what listens on this port"
        case .notSent: shortage
        }
    }

    /// The remedy for a request that the collector lacked something to send.
    private var shortage: String {
        if detail.contains("local port") {
            return "raise net.ipv4.ip_local_port_range on its machine, or verify the fleet in parts (--select)"
        }
        if detail.contains("descriptor") {
            return "raise its limit on open files (ulimit -n), or pass a smaller --concurrency"
        }
        if detail.contains("open file") { return "raise fs.file-max on its machine, or close what holds open files" }
        if detail.contains("memory") { return "give its machine more memory, or pass a smaller --concurrency" }
        return "check the machine that the collector runs on"
    }

    // MARK: - HTTP

    /// The status in the detail: `answered HTTP 404`.
    private var status: Int? {
        guard let found = detail.firstRange(of: "HTTP ") else { return nil }
        return Int(detail[found.upperBound...].prefix { ("0"..."9").contains($0) })
    }

    private var http: String {
        switch status {
        case 400 where detail.contains("TLS"): "write https:// in the inventory"
        case 404:
            path
                ?? (detail.contains("serves")
                    ? "check the service's name (--service, or service in the inventory)"
                    : "check what answers at this URL: an agent has \(address)")
        case 429: "query less often, or raise requests_per_second in its agent.yaml"
        case 503: "find the clients that hold its connections, or raise connections in its agent.yaml"
        case let status? where (300..<400).contains(status): "write the agent's own URL in the inventory"
        default: path ?? "check what answers at this URL"
        }
    }

    /// The remedy for a URL without an agent's path; nil for one that has it.
    private var path: String? {
        guard !url.isEmpty else { return nil }
        let path = parts.path.prefix { $0 != "?" && $0 != "#" }
        let isAgents = ["/buildinfo", "/api/buildinfo"].contains(path) || path.hasPrefix("/buildinfo/")
        return isAgents ? nil : "write \(address) in the inventory"
    }

    /// The URL at which an agent on this port would answer.
    private var address: String {
        let service = service.percentEncoded
        return Sanitizer.singleLine("\(parts.origin)/buildinfo\(service.isEmpty ? "" : "/\(service)")", limit: 200)
    }

    /// Scheme and authority, and the rest.
    private var parts: (origin: Substring, path: Substring) {
        guard let scheme = url.firstRange(of: "://") else { return ("", url[...]) }
        let end = url[scheme.upperBound...].firstIndex { "/?#".contains($0) } ?? url.endIndex
        return (url[..<end], url[end...])
    }

    // MARK: - TLS

    private var tls: String {
        let remedies = [
            ("does not speak TLS", "write http:// in the inventory, or configure TLS on the agent"),
            ("has expired", "renew the certificate on the host"),
            ("not valid yet", "check the clocks of the host and of this machine"),
            ("not issued by a trusted CA", "give its CA with --ca"), ("self-signed", "give its CA with --ca"),
            ("for another name", "correct the name in the inventory, or issue a certificate for it"),
            ("requires a client certificate", "give --cert and --key, or access in the inventory"),
            ("rejects the client certificate", "check --cert, and the CA that the agent trusts"),
        ]
        return remedies.first { detail.contains($0.0) }?.1 ?? "check the certificates, --ca and --cert"
    }

    /// A TLS port answers plain HTTP with a closed connection, or with bytes that are not HTTP.
    private var wrongScheme: String? {
        isTypicalOfTLS ? "if the port speaks TLS, write https:// in the inventory; else check what listens there" : nil
    }

    private var isTypicalOfTLS: Bool {
        url.hasPrefix("http://") && outcome == .protocolError
            && ["without an answer", "not HTTP", "reset"].contains { detail.contains($0) }
    }

    /// The scheme that the port might speak instead of the URL's; nil if the failure does not suggest another one.
    package var otherScheme: String? {
        if isTypicalOfTLS || (outcome == .httpStatus && status == 400 && detail.contains("TLS")) { return "https" }
        return outcome == .tls && detail.contains("does not speak TLS") ? "http" : nil
    }

    /// True if the port speaks the URL's scheme: something answered by it, or a certificate was shown.
    package var confirmsScheme: Bool {
        otherScheme == nil && [.tls, .auth, .httpStatus, .notBuildinfo, .tooLarge].contains(outcome)
    }
}
