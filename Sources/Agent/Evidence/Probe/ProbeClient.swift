import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import Shared

/// Asks a service on this machine what it serves: one GET on a connection of its own, within a time and a size.
///
/// What answers is not trusted: redirects are answers, and nothing that it sends costs more than these limits.
struct ProbeClient: Sendable {
    /// Bytes of an answer's body.
    static let bodyLimit = 64 * 1_024
    /// Bytes of all of its headers.
    static let headerLimit = 8 * 1_024
    /// For all of it, connecting included.
    static let timeLimit = TimeAmount.seconds(3)

    let group: any EventLoopGroup
    let clock: Clock
    var timeLimit = ProbeClient.timeLimit

    func ask(_ url: ProbeURL) async -> ProbeReading {
        let start = clock.now()
        do {
            let answer = try await exchange(url)
            let statement = ProbeStatement(answer)
            return ProbeReading(
                answer: ProbeResult(
                    url: url.description, outcome: statement.outcome, status: answer.status, gitSHA: statement.gitSHA),
                trouble: statement.trouble, latency: clock.now() - start)
        } catch {
            let failure = Self.failure(error)
            return ProbeReading(
                answer: ProbeResult(url: url.description, outcome: failure.outcome), trouble: failure.why,
                latency: clock.now() - start)
        }
    }

    private func exchange(_ url: ProbeURL) async throws -> ProbeAnswer {
        let late = ProbeFailure(
            outcome: .timeout, why: "no answer within \(timeLimit.nanoseconds / 1_000_000) ms")
        let head = Self.head(url)
        return try await group.next().exchange(within: timeLimit, late: late) { promise in
            connect(url) { channel in
                var limits = NIOHTTPDecoderLimitConfiguration()
                (limits.maxHeaderFieldSize, limits.maxHeaderListSize) = (Self.headerLimit, Self.headerLimit)
                try channel.pipeline.syncOperations.addHTTPClientHandlers(decoderLimitConfiguration: limits)
                try channel.pipeline.syncOperations.addHandlers(RequestWriter(head), ProbeHandler(promise: promise))
            }
        }
    }

    private func connect(
        _ url: ProbeURL, _ add: @escaping @Sendable (any Channel) throws -> Void
    ) -> EventLoopFuture<any Channel> {
        let bootstrap = ClientBootstrap(group: group)
            .connectTimeout(timeLimit)
            .channelInitializer { channel in channel.eventLoop.makeCompletedFuture { try add(channel) } }
        switch url.place {
        case .unix(let path): return bootstrap.connect(unixDomainSocketPath: path)
        case .tcp(let host, let port):
            do {
                return bootstrap.connect(to: try SocketAddress(ipAddress: host, port: port))
            } catch {
                return group.next().makeFailedFuture(error)
            }
        }
    }

    private static func head(_ url: ProbeURL) -> HTTPRequestHead {
        let headers: HTTPHeaders = [
            "Host": url.authority, "User-Agent": "buildinfo-agent", "Accept": "application/json",
            "Accept-Encoding": "identity", "Connection": "close",
        ]
        return HTTPRequestHead(version: .http1_1, method: .GET, uri: url.target, headers: headers)
    }

    static func failure(_ error: any Error) -> ProbeFailure {
        switch error {
        case let failure as ProbeFailure: failure
        case HTTPParserError.headerOverflow:
            ProbeFailure(outcome: .tooLarge, why: "headers of more than \(headerLimit / 1_024) KiB")
        case is HTTPParserError: ProbeFailure(outcome: .other, why: "what it sends is not HTTP")
        case ChannelError.connectTimeout: ProbeFailure(outcome: .timeout, why: "connecting took too long")
        case let error as IOError: connectFailure(error)
        default: ProbeFailure(outcome: .other, why: Sanitizer.singleLine("\(error)", limit: 200))
        }
    }

    private static func connectFailure(_ error: IOError) -> ProbeFailure {
        switch error.errnoCode {
        case ECONNREFUSED: ProbeFailure(outcome: .refused, why: "connection refused")
        case ENOENT: ProbeFailure(outcome: .refused, why: "the socket does not exist")
        case EACCES, EPERM:
            ProbeFailure(outcome: .other, why: "opening the socket is denied: let the agent's user access it")
        case ECONNRESET: ProbeFailure(outcome: .other, why: "it reset the connection")
        default: ProbeFailure(outcome: .other, why: "connecting failed (errno \(error.errnoCode))")
        }
    }
}
