import Logging
import NIOCore
import Shared

/// What a connection is subject to, decided when it comes in.
struct ConnectionTerms {
    let access: AccessControl
    let limiter: RequestLimiter
    /// Whose requests are counted; nil for those that are exempt.
    let address: String?
    /// Below TLS, where the connection is to be secured before anything else.
    let socket: SocketHandler?
    let logger: Logger

    /// For who wonders why a client cannot connect; nothing that peers can fill a log with.
    func log(handshakeFailure why: any Error) {
        // What follows is where the library's source was when this was built.
        let text = "\(why)"
        let reason = text.firstRange(of: " at /").map { text[..<$0.lowerBound] } ?? text[...]
        logger.debug(
            "Handshake failed",
            metadata: ["address": "\(address ?? "")", "reason": "\(Hygiene.line(reason, limit: 200))"])
    }

    /// The answer to an address that asks too fast; nil where it does not.
    func refusal() -> Answer? {
        guard let address, let seconds = limiter.refusal(address, now: .now()) else { return nil }
        return .tooManyRequests(retryAfter: seconds)
    }
}
