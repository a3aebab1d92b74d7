import Logging
import NIOCore
import NIOHTTP1
import Shared
import Synchronization

/// The rules for a connection, determined when it is accepted.
struct ConnectionContext {
    let access: AccessControl
    let limiter: RateLimiter
    /// The address for the limits; nil for exempt peers.
    let address: String?
    /// The handler below TLS; nil without TLS.
    let socket: SocketCloser?
    let logger: Logger
    let refusals: RefusalLog

    /// Logs a failed handshake.
    func log(handshakeFailure why: any Error, peer: SocketAddress?) {
        // The library appends the path of its source file.
        let text = "\(why)"
        let cause = text.firstRange(of: " at /").map { text[..<$0.lowerBound] } ?? text[...]
        // Load balancers and scanners that only check the port do not count as refused.
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
                "TLS: the client's certificate is not from an authority in --tls-client-ca, or not valid at present"
            } else if text.contains("HTTP_REQUEST") || text.contains("WRONG_VERSION_NUMBER") {
                "TLS: the client uses plain HTTP"
            } else if text.contains("ALERT") {
                "TLS: the client does not accept this agent's certificate (\(cause))"
            } else {
                "TLS: \(cause)"
            }
        refusals.refused(Self.name(peer), reason)
    }

    /// Logs a refused request, without the client's data.
    func log(refusal answer: Answer, of head: HTTPRequestHead, peer: SocketAddress?) {
        let reason =
            switch answer.status {
            case .unauthorized: head.headers.contains(name: "Authorization") ? "401: wrong token" : "401: no token"
            case .forbidden: "403: the client certificate has none of the names of --tls-client-name"
            case .tooManyRequests: "429: too many requests"
            default: "\(answer.status.code)"
            }
        refusals.refused(Self.name(peer), reason)
    }

    /// The address of a peer, as IPv4 if it is mapped to IPv6.
    static func name(_ peer: SocketAddress?) -> String {
        guard let text = peer?.ipAddress else { return "unix" }
        return text.hasPrefix("::ffff:") && text.contains(".") ? String(text.dropFirst("::ffff:".count)) : text
    }

    /// The answer to an address above the rate limit; nil below it.
    func refusal() -> Answer? {
        guard let address, let seconds = limiter.refusal(address, now: NIODeadline.now().uptimeNanoseconds) else {
            return nil
        }
        return .tooManyRequests(retryAfter: seconds)
    }
}

/// The log of refused requests, bounded so that peers cannot fill it: each address and reason once a minute, a limited number
/// of lines in total, and a line with the number of omitted ones.
final class RefusalLog: Sendable {
    private struct Line: Hashable {
        var address: String
        var reason: String
    }

    private struct State {
        var minute: ContinuousClock.Instant
        var lines: Set<Line> = []
        var unlogged = 0
    }

    static let linesPerMinute = 20

    private let clock: Clock
    private let logger: Logger
    private let state: Mutex<State>

    init(clock: Clock = .system, logger: Logger) {
        self.clock = clock
        self.logger = logger
        state = Mutex(State(minute: clock.now()))
    }

    /// - Parameters:
    ///   - address: the peer's address.
    ///   - reason: without any of the peer's data.
    func refused(_ address: String, _ reason: String) {
        let now = clock.now()
        let line = Line(address: address, reason: reason)
        let (isLogged, unlogged) = state.withLock { state in
            var unlogged = 0
            if now - state.minute >= .seconds(60) {
                unlogged = state.unlogged
                state = State(minute: now)
            }
            guard state.lines.count < Self.linesPerMinute, state.lines.insert(line).inserted else {
                state.unlogged += 1
                return (false, unlogged)
            }
            return (true, unlogged)
        }
        if unlogged > 0 {
            logger.info("Refused requests omitted from the log", metadata: ["count": "\(unlogged)"])
        }
        guard isLogged else { return }
        logger.info(
            "Request refused",
            metadata: [
                "address": "\(Sanitizer.singleLine(address, limit: 80))",
                "reason": "\(Sanitizer.singleLine(reason, limit: 200))",
            ])
    }
}

/// A handler below TLS that closes the socket immediately, without a close_notify exchange.
final class SocketCloser: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func closeSocket() {
        context?.close(promise: nil)
    }
}

/// The peer exceeded the time limit for the handshake.
struct TimedOutHandshake: Error, CustomStringConvertible {
    var description: String { "the handshake took too long" }
}
