import NIOCore
import NIOHTTP1

/// Tells a connection beyond the cap so, and cuts it soon after.
final class RefusalHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let linger: TimeAmount

    init(linger: TimeAmount) {
        self.linger = linger
    }

    func channelActive(context: ChannelHandlerContext) {
        let answer = Answer.tooManyConnections
        let headers = answer.headers.map { "\($0.0): \($0.1)\r\n" }.joined()
        var buffer = ByteBuffer(
            string: "HTTP/1.1 \(answer.status.code) \(answer.status.reasonPhrase)\r\n\(headers)"
                + "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nContent-Type: \(answer.contentType)\r\n"
                + "Content-Length: \(answer.body.count)\r\nConnection: close\r\n\r\n")
        buffer.writeBytes(answer.body)
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        context.close(mode: .output, promise: nil)
        let channel = context.channel
        let cut = context.eventLoop.scheduleTask(in: linger) { channel.close(promise: nil) }
        channel.closeFuture.whenComplete { _ in cut.cancel() }
    }

    /// What the peer sends is thrown away.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
