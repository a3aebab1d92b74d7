import NIOCore
import NIOHTTP1

extension EventLoop {
    /// Makes one HTTP exchange on a connection of its own, and closes the connection afterwards.
    ///
    /// - Parameters:
    ///   - limit: the time limit for the whole exchange, including the connection; afterwards, the exchange fails with
    ///     `late`.
    ///   - connect: opens the connection, whose response handler completes the promise.
    /// - Throws: the error of the connection or of the response handler.
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

/// Sends one request without a body once the connection is open. Precedes the handler of the response in the pipeline.
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
