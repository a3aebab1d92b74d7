import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import Shared

/// Asks one engine over its unix socket: one connection a request, each with a time limit and a size limit.
struct EngineClient: Sendable {
    let socketPath: String
    let group: any EventLoopGroup
    /// For one request, connecting included.
    let timeout: TimeAmount

    init(socketPath: String, group: any EventLoopGroup, timeout: TimeAmount = .seconds(2)) {
        self.socketPath = socketPath
        self.group = group
        self.timeout = timeout
    }

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
            throw Self.failure(error, path: socketPath)
        }
    }

    /// Connects, with what speaks HTTP and sends the request in front of the handlers that are added.
    func connect(
        sending head: HTTPRequestHead, _ add: @escaping @Sendable (any Channel) throws -> Void
    ) -> EventLoopFuture<any Channel> {
        ClientBootstrap(group: group)
            .connectTimeout(timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(RequestSender(head))
                    try add(channel)
                }
            }
            .connect(unixDomainSocketPath: socketPath)
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
            "the engine at \(socketPath) did not answer \(request.name) within \(timeout.nanoseconds / 1_000_000) ms")
    }

    static func failure(_ error: any Error, path: String) -> EngineFailure {
        switch error {
        case let failure as EngineFailure: failure
        case let error as IOError: connectFailure(error, path: path)
        default: EngineFailure(.unreachable, "asking the engine at \(path) failed: \(error)")
        }
    }

    private static func connectFailure(_ error: IOError, path: String) -> EngineFailure {
        switch error.errnoCode {
        case EACCES, EPERM:
            EngineFailure(.denied, "opening the engine's socket \(path) is denied: let the agent's user access it")
        case ENOENT:
            EngineFailure(.unreachable, "the engine's socket \(path) does not exist")
        case ECONNREFUSED:
            EngineFailure(.unreachable, "no engine listens on \(path)")
        default:
            EngineFailure(.unreachable, "connecting to the engine at \(path) failed (errno \(error.errnoCode))")
        }
    }
}
