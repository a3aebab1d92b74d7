import NIOCore
import NIOHTTP1

/// Sends one request when the connection stands, gathers its answer, and keeps it below a limit.
final class EngineResponseHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let request: EngineRequest
    private let head: HTTPRequestHead
    private let limit: Int
    private let promise: EventLoopPromise<EngineResponse>
    private var response: EngineResponse?

    init(request: EngineRequest, head: HTTPRequestHead, limit: Int, promise: EventLoopPromise<EngineResponse>) {
        self.request = request
        self.head = head
        self.limit = limit
        self.promise = promise
    }

    func channelActive(context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            response = EngineResponse(status: Int(head.status.code), headers: head.headers, body: ByteBuffer())
        case .body(var part):
            let size = (response?.body.readableBytes ?? 0) + part.readableBytes
            guard size <= limit else {
                promise.fail(
                    EngineFailure(.tooLarge, "the engine's answer to \(request.name) is larger than \(limit) bytes"))
                return
            }
            response?.body.writeBuffer(&part)
        case .end:
            guard let response else { return }
            promise.succeed(response)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        // Without effect where the answer was complete.
        promise.fail(EngineFailure(.garbage, "the engine closed the connection before it had answered \(request.name)"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(EngineFailure(.garbage, "the engine's answer to \(request.name) is not usable: \(error)"))
    }
}
