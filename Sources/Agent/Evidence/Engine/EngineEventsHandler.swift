import NIOCore
import NIOHTTP1

/// Takes the event stream that was asked for, and rings for what comes.
final class EngineEventsHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let socketPath: String
    private let opened: EventLoopPromise<Void>
    private let ring: AsyncStream<Void>.Continuation
    private let failure: FirstError<EngineFailure>
    private let count: @Sendable (Int) -> Void
    private var parser = EngineEventParser()

    /// - Parameters:
    ///   - opened: succeeds when the engine has agreed; before that, nothing rings.
    ///   - count: is told how many events that matter came.
    init(
        socketPath: String, opened: EventLoopPromise<Void>,
        ring: AsyncStream<Void>.Continuation, failure: FirstError<EngineFailure>,
        count: @escaping @Sendable (Int) -> Void
    ) {
        self.socketPath = socketPath
        self.opened = opened
        self.ring = ring
        self.failure = failure
        self.count = count
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            guard head.status == .ok else {
                end(.status(.events, Int(head.status.code), socketPath: socketPath), context)
                return
            }
            opened.succeed()
        case .body(let part):
            do throws(EngineFailure) {
                let events = try parser.take(part.readableBytesView).count { $0.matters }
                guard events > 0 else { return }
                count(events)
                ring.yield()
            } catch {
                end(error, context)
            }
        case .end:
            end(EngineFailure(.unreachable, "the engine at \(socketPath) ended its event stream"), context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(EngineFailure(.unreachable, "the engine at \(socketPath) closed its event stream"), context)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(
            EngineFailure.isSecurity(error)
                ? .transport(error, "following the engine at \(socketPath)")
                : EngineFailure(
                    .garbage, "the engine's answer to \(EngineRequest.events.name) is not usable: \(error)"),
            context)
    }

    /// Without effect the second time.
    private func end(_ reason: EngineFailure, _ context: ChannelHandlerContext) {
        failure.set(reason)
        opened.fail(reason)
        ring.finish()
        context.close(promise: nil)
    }
}
