import AgentCore
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Shared

/// An HTTP client for one engine: one connection per request, each with a time limit and a size limit.
struct EngineClient: Sendable {
    let address: EngineAddress
    let group: any EventLoopGroup
    /// The time limit for one request, including the connection.
    var timeout = TimeAmount.seconds(2)

    /// Sends one of the permitted requests.
    ///
    /// - Throws: ``EngineFailure`` without a complete response. A response with an error status is also complete.
    func get(_ request: EngineRequest, version: APIVersion?) async throws(EngineFailure) -> EngineResponse {
        let head = Self.head(request, version: version)
        do {
            return try await group.next().exchange(within: timeout, late: timeoutFailure(request)) { promise in
                connect(sending: head) { channel in
                    let handler = EngineResponseHandler(request: request, promise: promise)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
        } catch {
            throw engineFailure(error)
        }
    }

    /// Connects, with the handlers for HTTP and the request, followed by those that `add` adds.
    func connect(
        sending head: HTTPRequestHead, _ add: @escaping @Sendable (any Channel) throws -> Void
    ) -> EventLoopFuture<any Channel> {
        let bootstrap = ClientBootstrap(group: group)
            .connectTimeout(timeout)
            .channelInitializer { [address] channel in
                channel.eventLoop.makeCompletedFuture {
                    if case .tcp(let host, _, let tls?) = address {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(
                                context: tls.context,
                                // A numeric host is verified as the address of the connection.
                                serverHostname: EngineAddress.isNumeric(host) ? nil : host))
                    }
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(RequestWriter(head))
                    try add(channel)
                }
            }
        switch address {
        case .unix(let path):
            if let failure = EngineActivation.system.failure(connectingTo: path) {
                return group.next().makeFailedFuture(failure)
            }
            return bootstrap.connect(unixDomainSocketPath: path)
        case .tcp(let host, let port, _):
            // Without keep-alive, the event stream of an engine whose machine is gone would never end.
            return bootstrap.channelOption(.socketOption(.so_keepalive), value: 1).connect(host: host, port: port)
        }
    }

    /// Makes the head of a request. All requests to engines are made here.
    static func head(_ request: EngineRequest, version: APIVersion?) -> HTTPRequestHead {
        let headers: HTTPHeaders = [
            "Host": "engine", "User-Agent": "buildinfo-agent", "Accept": "application/json", "Connection": "close",
        ]
        return HTTPRequestHead(version: .http1_1, method: .GET, uri: request.target(version: version), headers: headers)
    }

    // MARK: - Failures

    func timeoutFailure(_ request: EngineRequest) -> EngineFailure {
        EngineFailure(.timeout, "the engine at \(address) did not answer \(request.name) within \(timeoutText)")
    }

    func engineFailure(_ error: any Error) -> EngineFailure {
        switch error {
        case let failure as EngineFailure: failure
        case let error as IOError: connectFailure(error)
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { engineFailure($0.error) }
                ?? EngineFailure(
                    .unreachable, "the host of the engine at \(address) cannot be resolved: check its name")
        case is ChannelError:
            EngineFailure(.timeout, "the engine at \(address) did not accept the connection within \(timeoutText)")
        default: EngineFailure.transport(error, "asking the engine at \(address)")
        }
    }

    private var timeoutText: String { "\(timeout.nanoseconds / 1_000_000) ms" }

    private func connectFailure(_ error: IOError) -> EngineFailure {
        switch (address, error.errnoCode) {
        case (.unix(let path), EACCES), (.unix(let path), EPERM):
            EngineFailure(.denied, "opening the engine's socket \(path) is denied: let the agent's user access it")
        case (.unix(let path), ENOENT):
            EngineFailure(.unreachable, "the engine's socket \(path) does not exist")
        case (.unix(let path), ECONNREFUSED): EngineFailure(.unreachable, Self.refusal(path))
        case (.tcp, ECONNREFUSED): EngineFailure(.unreachable, "no engine listens on \(address)")
        case (.tcp, EAFNOSUPPORT), (.tcp, ENETUNREACH), (.tcp, EPERM), (.tcp, EACCES), (.tcp, EADDRNOTAVAIL):
            EngineFailure(
                .unreachable,
                "the agent has no network to reach the engine at \(address) (errno \(error.errnoCode)): "
                    + "under systemd, buildinfo-reader.service needs the drop-in examples/engine-tcp.conf")
        default:
            EngineFailure(.unreachable, "connecting to the engine at \(address) failed (errno \(error.errnoCode))")
        }
    }

    /// The reason why a connection to an existing path was refused, with the remedy.
    private static func refusal(_ path: String) -> String {
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            return
                "\(path) is a folder, not a socket: Docker makes one where a container mounts a socket that is missing; "
                + "remove it and restart the engine"
        }
        let isContainer = access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0
        return "no engine listens on \(path)"
            + (isContainer
                ? ": if the engine was restarted, restart this container, or mount the socket's folder and not the socket"
                : "")
    }
}

/// An engine's complete response, within its size limit.
struct EngineResponse: Sendable {
    var status: Int
    var headers: HTTPHeaders
    var body: ByteBuffer
}

/// Collects the response to one request, up to its size limit.
final class EngineResponseHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let request: EngineRequest
    private let promise: EventLoopPromise<EngineResponse>
    private var response: EngineResponse?

    init(request: EngineRequest, promise: EventLoopPromise<EngineResponse>) {
        self.request = request
        self.promise = promise
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            response = EngineResponse(status: Int(head.status.code), headers: head.headers, body: ByteBuffer())
        case .body(var part):
            let size = (response?.body.readableBytes ?? 0) + part.readableBytes
            guard size <= request.sizeLimit else {
                promise.fail(
                    EngineFailure(
                        .tooLarge,
                        "the engine's answer to \(request.name) is larger than \(request.sizeLimit) bytes"))
                return
            }
            response?.body.writeBuffer(&part)
        case .end:
            guard let response else { return }
            promise.succeed(response)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        // This has no effect after a complete response.
        promise.fail(EngineFailure(.garbage, "the engine closed the connection before it had answered \(request.name)"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The client describes TLS errors, since it knows the address.
        promise.fail(EngineFailure.isSecurity(error) ? error : EngineFailure.garbage(request, "\(error)"))
    }
}

extension EngineFailure {
    /// True if TLS failed, and not the exchange inside it.
    static func isSecurity(_ error: any Error) -> Bool {
        error is NIOSSLError || error is NIOSSLExtraError || error is BoringSSLError
    }

    /// The failure for an error below HTTP: in TLS, or because the bytes are not HTTP.
    ///
    /// - Parameter action: the failed action, as in "asking the engine at X".
    static func transport(_ error: any Error, _ action: String) -> EngineFailure {
        switch error {
        case let failure as EngineFailure: return failure
        case _ where isSecurity(error):
            // The rest of the text is a source path of the library's build machine.
            let text = "\(error)"
            let cause = text.firstRange(of: " at /").map { text[..<$0.lowerBound] } ?? text[...]
            let remedy =
                if text.contains("CERTIFICATE_VERIFY_FAILED") {
                    "the engine's certificate is not trusted: check ca.pem in DOCKER_CERT_PATH, and its dates"
                } else if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
                    "the port does not speak TLS: check the port, or unset DOCKER_TLS_VERIFY"
                } else if text.contains("unableToValidateCertificate") {
                    "the engine's certificate is for another name or address"
                } else if text.contains("ALERT") {
                    "the engine refused the agent's certificate: check cert.pem and key.pem in DOCKER_CERT_PATH"
                } else {
                    "check the certificates in DOCKER_CERT_PATH"
                }
            return EngineFailure(
                .unreachable, "\(action) failed in TLS: \(remedy) (\(Sanitizer.singleLine(cause, limit: 80)))")
        default: return EngineFailure(.unreachable, "\(action) failed: \(error)")
        }
    }
}
