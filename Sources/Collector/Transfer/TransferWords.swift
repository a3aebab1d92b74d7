import CCurl
import Glibc
import Shared

/// libcurl's errors in words for people.
///
/// libcurl's own texts name routines of OpenSSL and milliseconds (lib/strerror.c, lib/vtls/openssl.c; checked with 7.88 and
/// OpenSSL 3.0). Some of the sentences here decide a remedy: see `FailedRequest`.
enum TransferWords {
    /// - Parameters:
    ///   - detail: libcurl's error text; one printable line.
    ///   - requestWasSent: true if a connection was made.
    static func detail(_ code: CURLcode, _ detail: String, requestWasSent: Bool) -> String {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST:
            let name = detail.hasPrefix(unresolved) ? " '\(detail.dropFirst(unresolved.count))'" : ""
            return "the name\(name) does not resolve"
        case CURLE_COULDNT_CONNECT: return unconnected(detail)
        case CURLE_OPERATION_TIMEDOUT: return late(detail, requestWasSent: requestWasSent)
        case CURLE_GOT_NOTHING: return "it closed the connection without an answer"
        case CURLE_PARTIAL_FILE: return "the answer ended early"
        case CURLE_WEIRD_SERVER_REPLY: return "the answer is not HTTP"
        case CURLE_UNSUPPORTED_PROTOCOL where detail.contains("HTTP/0.9"): return "the answer is not HTTP"
        case CURLE_RECV_ERROR where detail.contains("reset"), CURLE_SEND_ERROR where detail.contains("reset"):
            return "it reset the connection"
        case CURLE_SSL_CERTPROBLEM:
            return "the client certificate or its key cannot be used (\(last(detail)))"
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR:
            return tls(detail)
        case CURLE_RECV_ERROR where detail.contains("alert"), CURLE_SEND_ERROR where detail.contains("alert"):
            return tls(detail)
        default: return detail
        }
    }

    /// What the collector lacked, so that the request was never sent; nil for any other error. These words decide a remedy.
    static func shortage(_ systemError: Int32) -> String? {
        let resource: String? =
            switch systemError {
            case EADDRNOTAVAIL: "no free local port for this address"
            case EMFILE: "no free file descriptor"
            case ENFILE: "no free open file on its machine"
            case ENOBUFS, ENOMEM: "no free memory for a connection"
            default: nil
            }
        return resource.map { "not queried: the collector has \($0)" }
    }

    private static let unresolved = "Could not resolve host: "

    /// `Failed to connect to 127.0.0.1 port 1 after 0 ms: Couldn't connect to server: Connection refused`, whose last part is
    /// the kernel's.
    private static func unconnected(_ detail: String) -> String {
        let known = ["connection refused", "no route to host", "network is unreachable", "host is unreachable"]
        if let words = known.first(where: { detail.lowercased().hasSuffix($0) }) { return words }
        // A full backlog, or a firewall.
        if detail.lowercased().contains("reset by peer") { return "it reset the connection" }
        return detail.hasPrefix("Failed to connect") ? "no connection (\(last(detail).lowercased()))" : detail
    }

    /// `Connection timed out after 5001 milliseconds`, `Operation timed out after 300 milliseconds with 0 bytes received`.
    private static func late(_ detail: String, requestWasSent: Bool) -> String {
        let words = detail.split(separator: " ")
        let unit = words.firstIndex { $0 == "milliseconds" || $0 == "ms" }
        let spent = unit.flatMap { $0 > 0 ? Int(words[$0 - 1]) : nil }.map {
            " within \(Duration.milliseconds($0).brief)"
        }
        if detail.hasPrefix("SSL") { return "connected, but no TLS handshake in time" }
        if detail.hasPrefix("Resolving") { return "the name lookup had no answer\(spent ?? " in time")" }
        return "\(requestWasSent ? "connected, but no answer" : "no connection")\(spent ?? " in time")"
    }

    private static func tls(_ detail: String) -> String {
        let known: [([String], String)] = [
            // The server's first bytes are no TLS record.
            (["wrong version number", "packet length too long", "http request"], "the port does not speak TLS"),
            (["certificate has expired"], "its certificate has expired"),
            (["certificate is not yet valid"], "its certificate is not valid yet"),
            (["in certificate chain"], "its certificate is not issued by a trusted CA"),
            (["self-signed", "self signed"], "its certificate is self-signed, and not trusted"),
            (
                ["unable to get local issuer", "unable to verify the first"],
                "its certificate is not issued by a trusted CA"
            ),
            (
                [
                    "no alternative certificate subject name", "does not match target host name",
                    "unable to obtain common name",
                ],
                "its certificate is for another name"
            ),
            (["alert certificate required"], "it requires a client certificate"),
            (
                ["alert bad certificate", "alert unknown ca", "alert certificate", "alert unsupported certificate"],
                "it rejects the client certificate"
            ),
            (["protocol version", "unsupported protocol", "no protocols available"], "no TLS version in common"),
        ]
        for (parts, words) in known where parts.contains(where: { detail.contains($0) }) { return words }
        return "the TLS handshake failed (\(last(detail)))"
    }

    /// The last part of `OpenSSL/3.0.19: error:0A000410:SSL routines::sslv3 alert handshake failure, errno 0`.
    private static func last(_ detail: String) -> Substring {
        let end = detail.ranges(of: ", errno").last?.lowerBound ?? detail.endIndex
        let text = detail[..<end]
        return text.lastIndex(of: ":").map { text[text.index(after: $0)...].drop { $0 == " " } } ?? text
    }
}
