import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Shared

/// Asks one engine: one connection a request, each with a time limit and a size limit.
struct EngineClient: Sendable {
    let address: EngineAddress
    let group: any EventLoopGroup
    /// For one request, connecting included.
    let timeout: TimeAmount

    init(address: EngineAddress, group: any EventLoopGroup, timeout: TimeAmount = .seconds(2)) {
        self.address = address
        self.group = group
        self.timeout = timeout
    }

    init(socketPath: String, group: any EventLoopGroup, timeout: TimeAmount = .seconds(2)) {
        self.init(address: .unix(path: socketPath), group: group, timeout: timeout)
    }

    /// The address for messages, which is a unix socket's path as it is.
    var socketPath: String { address.description }

    /// Sends one of the permitted requests.
    ///
    /// - Throws: ``EngineFailure`` where there is no whole answer. Every status is an answer.
    func get(_ request: EngineRequest, version: APIVersion?) async throws(EngineFailure) -> EngineResponse {
        let (limit, head) = (request.sizeLimit, Self.head(request, version: version))
        do {
            return try await group.next().exchange(within: timeout, late: lateness(request)) { promise in
                connect(sending: head) { channel in
                    let handler = EngineResponseHandler(request: request, limit: limit, promise: promise)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
        } catch {
            throw engineFailure(error)
        }
    }

    /// Connects, with what speaks HTTP and sends the request in front of the handlers that are added.
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
                                // Addresses are verified as the ones that were connected to.
                                serverHostname: EngineAddress.isNumeric(host) ? nil : host))
                    }
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(RequestWriter(head))
                    try add(channel)
                }
            }
        switch address {
        case .unix(let path):
            if let objection = EngineActivation.system.objection(to: path) {
                return group.next().makeFailedFuture(objection)
            }
            return bootstrap.connect(unixDomainSocketPath: path)
        case .tcp(let host, let port, _):
            // An engine whose machine is gone ends its event stream without a word.
            return bootstrap.channelOption(.socketOption(.so_keepalive), value: 1).connect(host: host, port: port)
        }
    }

    /// The only place where a request to an engine is made.
    static func head(_ request: EngineRequest, version: APIVersion?) -> HTTPRequestHead {
        let headers: HTTPHeaders = [
            "Host": "engine", "User-Agent": "buildinfo-agent", "Accept": "application/json", "Connection": "close",
        ]
        return HTTPRequestHead(version: .http1_1, method: .GET, uri: request.target(version: version), headers: headers)
    }

    func lateness(_ request: EngineRequest) -> EngineFailure {
        EngineFailure(
            .timeout,
            "the engine at \(address) did not answer \(request.name) within \(patience)")
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
            EngineFailure(.timeout, "the engine at \(address) did not take the connection within \(patience)")
        default: EngineFailure.transport(error, "asking the engine at \(address)")
        }
    }

    private var patience: String { "\(timeout.nanoseconds / 1_000_000) ms" }

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

    /// Why nothing listens at a path where something is.
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
