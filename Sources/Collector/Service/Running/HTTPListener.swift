import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import ServiceLifecycle
import Synchronization

/// Serves routes on one address, or on a socket that systemd opened.
///
/// Hummingbird's own server does all of it but the socket: it can only bind addresses.
struct HTTPListener: Service {
    enum Place: Sendable {
        case address(ListenAddress)
        case inherited(descriptor: Int32, SocketAddress?)
    }

    let place: Place
    let routes: RouterResponder<ServiceContext>
    /// nil for connections without TLS.
    let tls: TLSConfiguration?
    let logger: Logger
    /// Called with the address once connections are accepted.
    let onListening: @Sendable (String) -> Void

    /// Connections beyond it are closed at once. Long polls of runners and pages hold one each.
    private static let maximumConnections = 4_096
    private static let idleTimeout = TimeAmount.seconds(75)

    func run() async throws {
        let http = HTTP1Channel(responder: responder, configuration: Self.configuration)
        if let tls {
            try await serve(try TLSChannel(http, tlsConfiguration: tls))
        } else {
            try await serve(http)
        }
    }

    /// A token, a cursor and what proxies add fit into 32 KiB of headers.
    private static var configuration: HTTP1Channel.Configuration {
        HTTP1Channel.Configuration(
            idleTimeout: idleTimeout,
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 100))
    }

    private var responder: HTTPChannelHandler.Responder {
        return { [routes, logger] request, writer, channel in
            let context = ServiceContext(source: ApplicationRequestContextSource(channel: channel, logger: logger))
            var response: Response
            do {
                response = try await routes.respond(to: request, context: context)
            } catch {
                // The router answers every error of a route.
                response = Response(status: .internalServerError)
            }
            response.headers[.date] = ResponseDate.now
            try await writer.write(response: response.head, body: response.body)
        }
    }

    private func serve<Child: ServerChildChannel>(_ child: Child) async throws {
        let connections = Connections(limit: Self.maximumConnections)
        let server = try await bind(child)
        onListening(Self.name(of: server.channel.localAddress) ?? name)
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                do {
                    try await server.executeThenClose { inbound in
                        for try await value in inbound {
                            guard let number = connections.add(value.channel) else {
                                value.channel.close(promise: nil)
                                // The value must be used up, which ends at once.
                                group.addTask { await child.handle(value: value, logger: logger) }
                                continue
                            }
                            group.addTask {
                                await child.handle(value: value, logger: logger)
                                connections.remove(number)
                            }
                        }
                    }
                } catch {
                    logger.error("Stopped listening", metadata: ["address": "\(name)", "reason": "\(error)"])
                }
            }
        } onGracefulShutdown: {
            server.channel.close(promise: nil)
            // Idle connections end now, and the others after their response.
            connections.quiesce()
        }
    }

    private func bind<Child: ServerChildChannel>(_ child: Child) async throws -> NIOAsyncChannel<Child.Value, Never> {
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
        let initializer: @Sendable (any Channel) -> EventLoopFuture<Child.Value> = { [logger] channel in
            child.setup(channel: channel, logger: logger)
        }
        return switch place {
        case .address(.ip(let host, let port)):
            try await bootstrap.bind(
                to: try SocketAddress(ipAddress: host, port: port), childChannelInitializer: initializer)
        case .address(.unix(let path)):
            try await bootstrap.bind(
                unixDomainSocketPath: path, cleanupExistingSocketFile: true, childChannelInitializer: initializer)
        case .inherited(let descriptor, _):
            try await bootstrap.bind(descriptor, childChannelInitializer: initializer)
        }
    }

    private var name: String {
        switch place {
        case .address(let address): "\(address)"
        case .inherited(let descriptor, let address): Self.name(of: address) ?? "inherited socket \(descriptor)"
        }
    }

    private static func name(of address: SocketAddress?) -> String? {
        guard let address else { return nil }
        guard let ip = address.ipAddress, let port = address.port else { return address.pathname.map { "unix:\($0)" } }
        return ip.contains(":") ? "[\(ip)]:\(port)" : "\(ip):\(port)"
    }
}

/// The open connections of a listener.
private final class Connections: Sendable {
    private struct State {
        var channels: [Int: any Channel] = [:]
        var last = 0
        var isQuiescing = false
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) {
        self.limit = limit
    }

    /// nil if there are too many.
    func add(_ channel: any Channel) -> Int? {
        let (number, isLate): (Int?, Bool) = state.withLock { state in
            guard state.channels.count < limit else { return (nil, false) }
            state.last += 1
            state.channels[state.last] = channel
            return (state.last, state.isQuiescing)
        }
        if isLate { Self.quiesce(channel) }
        return number
    }

    func remove(_ number: Int) { state.withLock { _ = $0.channels.removeValue(forKey: number) } }

    func quiesce() {
        let channels = state.withLock { state in
            state.isQuiescing = true
            return state.channels.values
        }
        for channel in channels { Self.quiesce(channel) }
    }

    private static func quiesce(_ channel: any Channel) {
        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    }
}
