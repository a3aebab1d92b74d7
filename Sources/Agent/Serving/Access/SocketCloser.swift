import NIOCore

/// Stands below TLS and ends the connection at once: TLS would say farewell first, and wait for an answer to that.
final class SocketCloser: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func cut() {
        context?.close(promise: nil)
    }
}
