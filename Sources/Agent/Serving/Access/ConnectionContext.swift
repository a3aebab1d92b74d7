import Logging
import NIOCore
import NIOHTTP1
import Shared

/// What a connection is subject to, decided when it comes in.
struct ConnectionContext {
    let access: AccessControl
    let limiter: RequestLimiter
    /// Whose requests are counted; nil for those that are exempt.
    let address: String?
    /// Below TLS, where the connection is to be secured before anything else.
    let socket: SocketCloser?
    let logger: Logger
    let refusals: RefusalLog

    /// For whoever wonders why a client cannot connect.
    ///
    /// - Parameter peer: the connection's other end.
    func log(handshakeFailure why: any Error, peer: SocketAddress?) {
        // What follows is where the library's source was when this was built.
        let text = "\(why)"
        let cause = text.firstRange(of: " at /").map { text[..<$0.lowerBound] } ?? text[...]
        // Load balancers and scanners only see whether the port is open: that is no refusal.
        if why is TimedOutHandshake || text.contains("EOF") || text.contains("uncleanShutdown") {
            logger.debug(
                "Handshake failed",
                metadata: ["address": "\(Self.name(peer))", "reason": "\(Sanitizer.singleLine(cause, limit: 200))"])
            return
        }
        let reason =
            if text.contains("PEER_DID_NOT_RETURN_A_CERTIFICATE") {
                "TLS: the client has no certificate"
            } else if text.contains("CERTIFICATE_VERIFY_FAILED") {
                "TLS: the client's certificate is not of an authority in --tls-client-ca, or not valid now"
            } else if text.contains("HTTP_REQUEST") || text.contains("WRONG_VERSION_NUMBER") {
                "TLS: the client speaks plain HTTP"
            } else if text.contains("ALERT") {
                "TLS: the client does not accept this agent's certificate (\(cause))"
            } else {
                "TLS: \(cause)"
            }
        refusals.refused(Self.name(peer), reason)
    }

    /// For whoever wonders why a client is answered so. What the client sent is not shown.
    func log(refusal answer: Answer, of head: HTTPRequestHead, peer: SocketAddress?) {
        let reason =
            switch answer.status {
            case .unauthorized: head.headers.contains(name: "Authorization") ? "401: wrong token" : "401: no token"
            case .forbidden: "403: the client certificate has no name of --tls-client-name"
            case .tooManyRequests: "429: too many requests"
            default: "\(answer.status.code)"
            }
        refusals.refused(Self.name(peer), reason)
    }

    /// An IPv4 peer of a port for both kinds is named as what it is.
    static func name(_ peer: SocketAddress?) -> String {
        guard let text = peer?.ipAddress else { return "unix" }
        return text.hasPrefix("::ffff:") && text.contains(".") ? String(text.dropFirst("::ffff:".count)) : text
    }

    /// The answer to an address that asks too fast; nil where it does not.
    func refusal() -> Answer? {
        guard let address, let seconds = limiter.refusal(address, now: .now()) else { return nil }
        return .tooManyRequests(retryAfter: seconds)
    }
}
