import FoundationEssentials
import NIOCore
import NIOHTTP1
import Shared

/// One connection to a made-up host: reads requests one after the other, and does with each what the host does.
final class DrillConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let reply: @Sendable (_ nonce: String?) -> DrillReply
    private var target = ""

    init(reply: @escaping @Sendable (_ nonce: String?) -> DrillReply) {
        self.reply = reply
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): target = head.uri
        case .body: break
        case .end: act(on: reply(Self.nonce(in: target)), context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func act(on reply: DrillReply, _ context: ChannelHandlerContext) {
        switch reply {
        case .document(let document):
            do {
                send(Array(try JSONEncoder().encode(document)), 200, [("Content-Type", "application/json")], context)
            } catch {
                // What cannot be written is an answer that never comes; the case it belongs to then says so.
                context.close(promise: nil)
            }
        case .page(let status, let location, let more, let body):
            let headers =
                [("Content-Type", "text/html")] + (location.map { [("Location", $0)] } ?? [])
                + more.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
            send(Array(body.utf8), status, headers, context)
        case .silence: break
        case .hangUp: context.close(promise: nil)
        }
    }

    private func send(_ body: [UInt8], _ status: Int, _ headers: [(String, String)], _ context: ChannelHandlerContext) {
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: status),
            headers: HTTPHeaders(headers + [("Content-Length", String(body.count))]))
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    /// The collector's nonces need no decoding.
    static func nonce(in target: String) -> String? {
        let query = target.split(separator: "?", maxSplits: 1).dropFirst().first ?? ""
        let prefix = "\(BuildinfoProtocol.nonceQueryItem)="
        return query.split(separator: "&").first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }
}
