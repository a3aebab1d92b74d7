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
        let loop = group.next()
        let promise = loop.makePromise(of: EngineResponse.self)
        let (path, limit) = (socketPath, request.sizeLimit)
        let head = Self.head(request, version: version)
        let late = lateness(request)
        let deadline = loop.scheduleTask(in: timeout) { promise.fail(late) }
        connect { channel in
            let handler = EngineResponseHandler(request: request, head: head, limit: limit, promise: promise)
            try channel.pipeline.syncOperations.addHandler(handler)
        }
        .whenComplete { result in
            switch result {
            case .success(let channel): promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
            case .failure(let error): promise.fail(Self.failure(error, path: path))
            }
        }
        promise.futureResult.whenComplete { _ in deadline.cancel() }
        do {
            return try await promise.futureResult.get()
        } catch {
            throw Self.failure(error, path: path)
        }
    }

    /// Connects, with what speaks HTTP in front of the handlers that are added.
    func connect(_ add: @escaping @Sendable (any Channel) throws -> Void) -> EventLoopFuture<any Channel> {
        ClientBootstrap(group: group)
            .connectTimeout(timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
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
