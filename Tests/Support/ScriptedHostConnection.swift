internal import Glibc
internal import NIOCore
internal import NIOPosix

/// One connection of a ``ScriptedHost``: reads requests (bodies by Content-Length), and answers by the script.
final class ScriptedHostConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let number: Int
    private let address: String
    private let script: ScriptedHost.Script
    private let countRequest: @Sendable () -> Void
    private var received: [UInt8] = []
    private var isBusy = false
    /// True if the current request is a HEAD request.
    private var isHead = false

    init(
        number: Int,
        address: String,
        script: @escaping ScriptedHost.Script,
        countRequest: @escaping @Sendable () -> Void
    ) {
        self.number = number
        self.address = address
        self.script = script
        self.countRequest = countRequest
    }

    func channelActive(context: ChannelHandlerContext) {
        if !address.hasPrefix("127.") { context.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received.append(contentsOf: unwrapInboundIn(data).readableBytesView)
        next(context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func next(_ context: ChannelHandlerContext) {
        guard !isBusy, let request = takeRequest() else { return }
        isBusy = true
        countRequest()
        isHead = request.method == "HEAD"
        behave(script(request), context)
    }

    private func takeRequest() -> ScriptedHostRequest? {
        // By bytes: "\r\n" is one Character, and a debug build compares Characters too slowly for thousands of hosts.
        let end: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
        guard let head = received.indices.first(where: { received[$0] == 0x0D && received[$0...].starts(with: end) })
        else { return nil }
        let lines = received[..<head].split { $0 == 0x0D || $0 == 0x0A }.map { String(decoding: $0, as: UTF8.self) }
        let parts = (lines.first ?? "").split(separator: " ").map(String.init)
        let headers = lines.dropFirst().compactMap { line -> (name: String, value: String)? in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            return (line[..<colon].lowercased(), String(value))
        }
        let length = headers.first { $0.name == "content-length" }.flatMap { Int($0.value) } ?? 0
        let start = head + end.count
        guard received.count >= start + length else { return nil }
        let body = Array(received[start..<start + length])
        received.removeFirst(start + length)
        return ScriptedHostRequest(
            method: parts.first ?? "",
            target: parts.count > 1 ? parts[1] : "",
            headers: headers,
            body: body,
            localAddress: address,
            connection: number
        )
    }

    private func behave(_ answer: ScriptedHostAnswer, _ context: ChannelHandlerContext) {
        switch answer {
        case .answer(let status, let headers, let body):
            // 204 and 304 have no body and no length (RFC 9110, sections 15.3.5 and 15.4.5).
            let length = status == 204 || status == 304 ? [] : [("Content-Length", String(body.count))]
            send(Self.head(status, headers + length) + (isHead ? [] : body), context)
            isBusy = false
            next(context)
        case .after(let duration, let answer):
            let later = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            context.eventLoop.scheduleTask(in: TimeAmount(duration)) {
                let (connection, context) = later.value
                if context.channel.isActive { connection.behave(answer, context) }
            }
        case .hang: break
        case .reset:
            let channel = NIOLoopBound(context, eventLoop: context.eventLoop)
            guard let options = context.channel as? any SocketOptionProvider else { return }
            options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in
                channel.value.close(promise: nil)
            }
        case .close: context.close(promise: nil)
        case .drip(let body):
            send(Self.head(200, [("Content-Length", String(body.count))]), context)
            drip(body[...], context)
        case .flood(let chunked):
            send(Self.head(200, chunked ? [("Transfer-Encoding", "chunked")] : [("Connection", "close")]), context)
            let piece = Array(repeating: UInt8(ascii: "x"), count: 0x8000)
            repeatWithoutEnd(chunked ? Array("8000\r\n".utf8) + piece + Array("\r\n".utf8) : piece, context)
        case .floodHeaders:
            send(Array("HTTP/1.1 200 OK\r\n".utf8), context)
            repeatWithoutEnd(
                Array(String(repeating: "X-Flood: aaaaaaaaaaaaaaaaaaaaaaaaa\r\n", count: 100).utf8), context)
        case .endlessHeaderLine:
            send(Array("HTTP/1.1 200 OK\r\nX-Flood: ".utf8), context)
            repeatWithoutEnd(Array(repeating: UInt8(ascii: "x"), count: 4_096), context)
        case .bytes(let bytes):
            send(bytes, context, thenClose: true)
        case .closeEarly(let status, let body, let missing):
            let head = Self.head(status, [("Content-Length", String(body.count + missing))])
            send(head + body, context, thenClose: true)
        }
    }

    private static func head(_ status: Int, _ headers: [(name: String, value: String)]) -> [UInt8] {
        var text = "HTTP/1.1 \(status) Scripted\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        return Array((text + "\r\n").utf8)
    }

    private func send(_ bytes: [UInt8], _ context: ChannelHandlerContext, thenClose: Bool = false) {
        let written = context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)))
        guard thenClose else { return }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        written.whenComplete { _ in bound.value.close(promise: nil) }
    }

    private func drip(_ body: ArraySlice<UInt8>, _ context: ChannelHandlerContext) {
        guard let byte = body.first, context.channel.isActive else { return }
        send([byte], context)
        let later = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .milliseconds(200)) {
            let (connection, context) = later.value
            connection.drip(body.dropFirst(), context)
        }
    }

    private func repeatWithoutEnd(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
        let later = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes))).whenSuccess {
            // Scheduled on the event loop: with a fast reader, direct recursion would overflow the stack.
            later.value.1.eventLoop.execute { later.value.0.repeatWithoutEnd(bytes, later.value.1) }
        }
    }
}
