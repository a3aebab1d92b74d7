import NIOCore
import NIOHTTP1

/// Sends one request without a body as soon as the connection stands, in front of the handler that takes its answer.
final class RequestWriter: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let head: HTTPRequestHead

    init(_ head: HTTPRequestHead) {
        self.head = head
    }

    func channelActive(context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.fireChannelActive()
    }
}

extension EventLoop {
    /// One exchange on a connection of its own, which is closed behind it.
    ///
    /// - Parameters:
    ///   - limit: for all of it, connecting included; then it fails with `late`.
    ///   - connect: opens the connection; what takes the answer there completes the promise.
    /// - Throws: what connecting, or the one who takes the answer, failed with.
    func exchange<Answer: Sendable>(
        within limit: TimeAmount, late: any Error,
        connect: (EventLoopPromise<Answer>) -> EventLoopFuture<any Channel>
    ) async throws -> Answer {
        let promise = makePromise(of: Answer.self)
        let deadline = scheduleTask(in: limit) { promise.fail(late) }
        connect(promise).whenComplete { result in
            switch result {
            case .success(let channel): promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
            case .failure(let error): promise.fail(error)
            }
        }
        promise.futureResult.whenComplete { _ in deadline.cancel() }
        return try await promise.futureResult.get()
    }
}
