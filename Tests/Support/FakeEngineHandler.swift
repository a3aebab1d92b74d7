import NIOCore
import NIOHTTP1

/// Carries out a ``FakeEngineAnswer``.
final class FakeEngineHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let engine: FakeEngine
    private var head: HTTPRequestHead?

    init(engine: FakeEngine) {
        self.engine = engine
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard let head else { return }
            carryOut(engine.answer(method: head.method.rawValue, target: head.uri), context)
        }
    }

    private func carryOut(_ answer: FakeEngineAnswer, _ context: ChannelHandlerContext) {
        switch answer {
        case .json(let text): respond(200, ["Content-Type": "application/json"], text, context)
        case .status(let code): respond(code, [:], "{\"message\":\"scripted\"}", context)
        case .plain(let text, let headers): respond(200, headers, text, context)
        case .flood(let bytes): respond(200, [:], "[\"\(String(repeating: "x", count: bytes))\"]", context)
        case .hang: break
        case .stream:
            let fields: HTTPHeaders = ["Content-Type": "application/json", "Transfer-Encoding": "chunked"]
            context.writeAndFlush(
                wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: fields))),
                promise: nil)
            engine.streamOpened(context.channel)
        case .raw(let text):
            // Bypasses the encoder, because the bytes need not be HTTP.
            let channel = context.channel
            let first = try? context.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
            first?.writeAndFlush(NIOAny(ByteBuffer(string: text)), promise: nil)
            channel.close(promise: nil)
        }
    }

    private func respond(_ status: Int, _ headers: [String: String], _ body: String, _ context: ChannelHandlerContext) {
        var fields = HTTPHeaders(headers.map { ($0.key, $0.value) })
        fields.add(name: "Content-Length", value: "\(body.utf8.count)")
        let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: fields)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}
