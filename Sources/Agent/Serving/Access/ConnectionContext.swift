import Logging
import NIOCore
import NIOHTTP1
import Shared
import Synchronization

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

/// Tells the operator who was refused and why, without letting peers fill the log: each address and reason once a minute,
/// a limited number of lines in all, and a line that says how many were left out.
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
    ///   - address: the peer's.
    ///   - reason: never holds what the peer sent.
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
            logger.info("More requests were refused and not logged", metadata: ["count": "\(unlogged)"])
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

/// Stands below TLS and ends the connection at once: TLS would say farewell first, and wait for an answer to that.
final class SocketCloser: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func cut() {
        context?.close(promise: nil)
    }
}

/// The peer took longer for the handshake than it has.
struct TimedOutHandshake: Error, CustomStringConvertible {
    var description: String { "the handshake took too long" }
}
