import AgentCore
import Glibc
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Shared
import Synchronization

/// The HTTP server, which binds sockets, admits connections within the limits, and drains them when it stops.
final class HTTPServer: Sendable {
    private let responder: Responder
    private let limits: ServerLimits
    private let group: any EventLoopGroup
    private let logger: Logger
    private let access: AccessControl
    private let connectionLimiter: ConnectionLimiter
    private let requestLimiter: RateLimiter
    private let refusals: RefusalLog
    private let loops: [ObjectIdentifier: NIOLoopBoundBox<LoopConnections>]
    private let open = Mutex<[ObjectIdentifier: any Channel]>([:])
    private let listening = Mutex<[any Channel]>([])

    init(
        responder: Responder, limits: ServerLimits, group: any EventLoopGroup, logger: Logger,
        access: AccessControl = .anonymous
    ) {
        self.responder = responder
        self.limits = limits
        self.group = group
        self.logger = logger
        self.access = access
        connectionLimiter = ConnectionLimiter(limits: limits)
        requestLimiter = RateLimiter(
            rate: limits.requestsPerSecond, burst: limits.requestsPerSecond * limits.burstSeconds)
        refusals = RefusalLog(logger: logger)
        let metrics = responder.metrics
        loops = Dictionary(
            uniqueKeysWithValues: group.makeIterator().map { loop in
                let connections = LoopConnections(loop: loop, metrics: metrics)
                return (ObjectIdentifier(loop), NIOLoopBoundBox.makeBoxSendingValue(connections, eventLoop: loop))
            })
        responder.documents.observe { [loops] service in
            for loop in loops.values { loop.eventLoop.execute { loop.value.held.contentChanged(service) } }
        }
    }

    /// Listens, and returns the bound addresses, with the actual port for port 0.
    func start(_ listeners: [Listener]) async throws(AgentError) -> [SocketAddress] {
        var addresses: [SocketAddress] = []
        for listener in listeners {
            let channel = try await bind(listener)
            listening.withLock { $0.append(channel) }
            if let address = channel.localAddress { addresses.append(address) }
        }
        return addresses
    }

    /// Stops listening, finishes requests in flight within the drain time, and closes all other connections.
    func stop() async {
        let (servers, loop) = (listening.withLock { $0 }, group.next())
        for server in servers {
            if case .unixDomainSocket? = server.localAddress, let path = server.localAddress?.pathname { unlink(path) }
        }
        await Self.wait(for: servers.map { $0.close() }, on: loop)
        let connections = open.withLock { Array($0.values) }
        for connection in connections {
            connection.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
        let cut = loop.scheduleTask(in: limits.drainTime) {
            for connection in connections { connection.close(promise: nil) }
        }
        await Self.wait(for: connections.map(\.closeFuture), on: loop)
        cut.cancel()
    }

    /// Waits for the futures, whatever their result.
    private static func wait(for futures: [EventLoopFuture<Void>], on loop: any EventLoop) async {
        do { try await EventLoopFuture.andAllComplete(futures, on: loop).get() } catch {}
    }

    private func bind(_ listener: Listener) async throws(AgentError) -> any Channel {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1_024)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try admit(channel) }
            }
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 1_024))
            .childChannelOption(.allowRemoteHalfClosure, value: true)
        switch listener {
        case .inherited(let descriptor):
            do { return try await bootstrap.withBoundSocket(descriptor).get() } catch {
                throw .inheritedSocket(descriptor)
            }
        case .address(.unix(let path)):
            try UnixSocketFile.clear(path)
            do { return try await bootstrap.bind(unixDomainSocketPath: path).get() } catch {
                throw .bindFailure(error, "unix:\(path)")
            }
        case .address(.tcp(let host, let port)):
            do {
                let address = try SocketAddress(ipAddress: host, port: port)
                return
                    try await bootstrap
                    .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                    .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .bind(to: address).get()
            } catch {
                throw .bindFailure(error, "\(ListenAddress.tcp(host: host, port: port))")
            }
        }
    }

    /// On the connection's event loop, before its first event.
    private func admit(_ channel: any Channel) throws {
        let address = connectionLimiter.cappedAddress(channel.remoteAddress)
        let isSecured = access.speaksTLS && !Self.isUnixSocket(channel)
        let metrics = responder.metrics
        // A handshake costs more than an answer, so it counts as a request.
        if isSecured, let address, requestLimiter.refusal(address, now: NIODeadline.now().uptimeNanoseconds) != nil {
            metrics.update { $0.connectionsRefused += 1 }
            refusals.refused(ConnectionContext.name(channel.remoteAddress), "TLS: too many handshakes per second")
            channel.close(promise: nil)
            return
        }
        let admission = connectionLimiter.admit(address) { giveUpOldest(on: channel.eventLoop) }
        let id = ObjectIdentifier(channel)
        metrics.update { counts in
            if admission == .accepted {
                counts.connectionsAccepted += 1
                counts.connectionsOpen += 1
            } else {
                counts.connectionsRefused += 1
            }
        }
        if admission == .accepted { open.withLock { $0[id] = channel } }
        channel.closeFuture.whenComplete { [self] _ in
            connectionLimiter.leave(address, admission)
            guard admission == .accepted else { return }
            open.withLock { _ = $0.removeValue(forKey: id) }
            metrics.update { $0.connectionsOpen -= 1 }
        }
        let pipeline = channel.pipeline.syncOperations
        switch admission {
        case .accepted:
            try install(in: pipeline, on: channel.eventLoop, address, isSecured ? access.secured : nil)
        // An answer would require a handshake, which the limit does not permit.
        case .refused where isSecured: channel.close(promise: nil)
        case .refused: try pipeline.addHandler(RefusalHandler(linger: limits.lingerTime))
        case .cut: channel.close(promise: nil)
        }
    }

    /// True for a unix socket, which needs no TLS: it is local, and its file's permissions control access.
    private static func isUnixSocket(_ channel: any Channel) -> Bool {
        if case .unixDomainSocket? = channel.localAddress { true } else { false }
    }

    private func giveUpOldest(on loop: any EventLoop) -> Bool {
        guard let connections = loops[ObjectIdentifier(loop)]?.value, connections.giveUpOldest() else { return false }
        responder.metrics.update { $0.connectionsGivenUp += 1 }
        return true
    }

    private func install(
        in pipeline: ChannelPipeline.SynchronousOperations, on loop: any EventLoop, _ address: String?,
        _ security: NIOSSLContext?
    ) throws {
        guard let connections = loops[ObjectIdentifier(loop)] else { throw ChannelError.inappropriateOperationForState }
        var decoding = NIOHTTPDecoderLimitConfiguration()
        decoding.maxHeaderFieldSize = limits.headers
        // The decoder counts the target with the headers; the handler then checks them separately.
        decoding.maxHeaderListSize = limits.headers + limits.requestLine
        decoding.maxHeaderFieldCount = 100
        let rules = ConnectionContext(
            access: access, limiter: requestLimiter, address: address, socket: security == nil ? nil : SocketCloser(),
            logger: logger, refusals: refusals)
        if let security, let socket = rules.socket {
            if connections.value.securing.count >= limits.handshakes, connections.value.securing.giveUpOldest() {
                responder.metrics.update { $0.connectionsGivenUp += 1 }
            }
            try pipeline.addHandlers([socket, NIOSSLServerHandler(context: security)])
        }
        let connection = ConnectionHandler(responder: responder, limits: limits, loop: connections.value, rules: rules)
        let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: decoding)
        try pipeline.addHandlers([
            FirstByteHandler(connection: connection), HTTPResponseEncoder(), ByteToMessageHandler(decoder), connection,
        ])
    }
}

/// Answers a connection beyond the limit with 503, and closes it soon afterwards.
final class RefusalHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let linger: TimeAmount

    init(linger: TimeAmount) {
        self.linger = linger
    }

    func channelActive(context: ChannelHandlerContext) {
        let answer = Answer.tooManyConnections
        let headers = answer.headers.map { "\($0.0): \($0.1)\r\n" }.joined()
        var buffer = ByteBuffer(
            string: "HTTP/1.1 \(answer.status.code) \(answer.status.reasonPhrase)\r\n\(headers)"
                + "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nContent-Type: \(answer.contentType)\r\n"
                + "Content-Length: \(answer.body.count)\r\nConnection: close\r\n\r\n")
        buffer.writeBytes(answer.body)
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        context.close(mode: .output, promise: nil)
        let channel = context.channel
        let cut = context.eventLoop.scheduleTask(in: linger) { channel.close(promise: nil) }
        channel.closeFuture.whenComplete { _ in cut.cancel() }
    }

    /// Discards input.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
