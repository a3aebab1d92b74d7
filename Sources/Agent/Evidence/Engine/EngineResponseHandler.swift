import NIOCore
import NIOHTTP1

/// Gathers the answer to one request, and keeps it below a limit.
final class EngineResponseHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let request: EngineRequest
    private let limit: Int
    private let promise: EventLoopPromise<EngineResponse>
    private var response: EngineResponse?

    init(request: EngineRequest, limit: Int, promise: EventLoopPromise<EngineResponse>) {
        self.request = request
        self.limit = limit
        self.promise = promise
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
        // Of TLS, the client says more: it knows the address.
        promise.fail(
            EngineFailure.isSecurity(error)
                ? error : EngineFailure(.garbage, "the engine's answer to \(request.name) is not usable: \(error)"))
    }
}
