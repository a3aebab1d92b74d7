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
        let (path, target, limit) = (socketPath, request.target(version: version), request.sizeLimit)
        let late = EngineFailure(
            .timeout,
            "the engine at \(path) did not answer \(request.name) within \(timeout.nanoseconds / 1_000_000) ms")
        let deadline = loop.scheduleTask(in: timeout) { promise.fail(late) }
        ClientBootstrap(group: loop)
            .connectTimeout(timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(
                        EngineResponseHandler(request: request, target: target, limit: limit, promise: promise))
                }
            }
            .connect(unixDomainSocketPath: path)
            .whenComplete { result in
                switch result {
                case .success(let channel): promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
                case .failure(let error): promise.fail(Self.connectFailure(error, path: path))
                }
            }
        promise.futureResult.whenComplete { _ in deadline.cancel() }
        do {
            return try await promise.futureResult.get()
        } catch let failure as EngineFailure {
            throw failure
        } catch {
            throw EngineFailure(.unreachable, "asking the engine at \(path) failed: \(error)")
        }
    }

    private static func connectFailure(_ error: any Error, path: String) -> EngineFailure {
        if let error = error as? IOError {
            switch error.errnoCode {
            case EACCES, EPERM:
                return EngineFailure(
                    .denied, "opening the engine's socket \(path) is denied: let the agent's user access it")
            case ENOENT:
                return EngineFailure(.unreachable, "the engine's socket \(path) does not exist")
            case ECONNREFUSED:
                return EngineFailure(.unreachable, "no engine listens on \(path)")
            default:
                return EngineFailure(
                    .unreachable, "connecting to the engine at \(path) failed (errno \(error.errnoCode))")
            }
        }
        return EngineFailure(.unreachable, "connecting to the engine at \(path) failed: \(error)")
    }
}
