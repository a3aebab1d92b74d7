import AgentCore
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import Shared

/// An HTTP client that probes services on this machine: one GET per connection, with a time limit and a size limit.
///
/// The service is not trusted: redirects are not followed, and no response costs more than these limits.
struct ProbeClient: Sendable {
    /// The maximum size of an answer's body in bytes.
    static let bodyLimit = 64 * 1_024
    /// The maximum size of all headers of an answer in bytes.
    static let headerLimit = 8 * 1_024
    /// The time limit for the whole exchange, including the connection.
    static let timeLimit = TimeAmount.seconds(3)

    let group: any EventLoopGroup
    let clock: Clock
    var timeLimit = ProbeClient.timeLimit

    func ask(_ url: ProbeURL) async -> ProbeReading {
        let start = clock.now()
        let result: Result<ProbeAnswer, ProbeFailure>
        do {
            result = .success(try await exchange(url))
        } catch {
            result = .failure(Self.failure(error))
        }
        return ProbeReading(result, url: url.description, latency: clock.now() - start)
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
        switch url.endpoint {
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
        case is HTTPParserError: ProbeFailure(outcome: .other, why: "its answer is not HTTP")
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

/// Collects the answer to a probe, up to its size limit.
final class ProbeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let promise: EventLoopPromise<ProbeAnswer>
    private var answer: ProbeAnswer?

    init(promise: EventLoopPromise<ProbeAnswer>) {
        self.promise = promise
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            let answer = ProbeAnswer(status: Int(head.status.code)) { head.headers[$0].first }
            self.answer = answer
            // Only the body of a success counts.
            if !(200...299).contains(answer.status) { promise.succeed(answer) }
        case .body(let part):
            let size = (answer?.body.count ?? 0) + part.readableBytes
            guard size <= ProbeClient.bodyLimit else {
                return promise.fail(
                    ProbeFailure(outcome: .tooLarge, why: "more than \(ProbeClient.bodyLimit / 1_024) KiB"))
            }
            answer?.body += part.readableBytesView
        case .end:
            guard let answer else { return }
            promise.succeed(answer)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        // This has no effect after a complete answer.
        promise.fail(ProbeFailure(outcome: .other, why: "it closed the connection before it had answered"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(ProbeClient.failure(error))
    }
}
