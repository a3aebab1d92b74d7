import Glibc
import NIOCore
import Shared

/// One connection to one host, which answers its requests in order.
final class FleetConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let fleet: FleetLoop
    private var context: ChannelHandlerContext?
    /// The host's number from 0; -1 for an address without a host.
    private var host = -1
    /// Bytes that are not answered yet; nil without any.
    private var input: ByteBuffer?
    /// The request that waits for its time or for a change.
    private var pending: FleetRequest?
    private var timer: Scheduled<Void>?
    private var isClosed = false

    init(fleet: FleetLoop) {
        self.fleet = fleet
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { opened(context) }
    }

    func channelActive(context: ChannelHandlerContext) { opened(context) }

    private func opened(_ context: ChannelHandlerContext) {
        guard host < 0 else { return }
        fleet.counters.count(fleet.counters.connections)
        fleet.counters.count(fleet.counters.open)
        // The four bytes after the family and the port of a `sockaddr_in`.
        guard
            let address = context.localAddress?.withSockAddr({ pointer, _ in
                UnsafeRawPointer(pointer).loadUnaligned(fromByteOffset: 4, as: UInt32.self)
            }), let number = fleet.plan.host(at: UInt32(bigEndian: address))
        else { return }
        host = number
        if fleet.state(of: number).reaction == .refuse { reset(context) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        isClosed = true
        fleet.counters.count(fleet.counters.open, by: -1)
        stopWaiting()
        self.context = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if input == nil { input = bytes } else { input?.writeBuffer(&bytes) }
        proceed(context)
    }

    /// Answers all complete requests.
    private func proceed(_ context: ChannelHandlerContext) {
        while pending == nil, !isClosed, let buffer = input {
            let parsed = buffer.withUnsafeReadableBytes { bytes -> (FleetRequest, Int)? in
                guard let end = FleetRequest.end(bytes) else { return nil }
                var request = FleetRequest(bytes[..<end], service: fleet.plan.service)
                if !fleet.plan.holdsRequests { request.wait = nil }
                return (request, end)
            }
            guard let (request, end) = parsed else {
                if buffer.readableBytes > FleetRequest.maximumSize { context.close(promise: nil) }
                return
            }
            input?.moveReaderIndex(forwardBy: end)
            if input?.readableBytes == 0 { input = nil }
            start(request, context)
        }
    }

    private func start(_ request: FleetRequest, _ context: ChannelHandlerContext) {
        fleet.countRequest()
        guard host >= 0 else { return status("404 Not Found", "no host has this address", request, context) }
        let state = fleet.state(of: host)
        switch state.reaction {
        case .hang: pending = request
        case .refuse: reset(context)
        case .answer, .error:
            if let seconds = request.wait, seconds > 0, state.reaction == .answer, isUnchanged(request, state) {
                pending = request
                fleet.hold(self, host: host)
                wait(.seconds(Int64(seconds)), context)
            } else if state.delay > 0 {
                pending = request
                wait(.milliseconds(Int64(state.delay)), context)
            } else {
                answer(request, context)
            }
        }
    }

    private func wait(_ time: TimeAmount, _ context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: time) { self.finish() }
    }

    private func stopWaiting() {
        timer?.cancel()
        timer = nil
        if host >= 0 { fleet.letGo(self, host: host) }
    }

    /// Answers the waiting request.
    private func finish() {
        guard let context, let request = pending else { return }
        stopWaiting()
        pending = nil
        if fleet.state(of: host).reaction == .hang {
            pending = request
            return
        }
        answer(request, context)
        proceed(context)
    }

    /// The host of the held request has changed.
    func hostChanged() {
        guard let request = pending, let context else { return }
        let state = fleet.state(of: host)
        if state.reaction == .refuse {
            reset(context)
        } else if state.reaction == .hang {
            stopWaiting()
        } else if state.reaction == .error || !isUnchanged(request, state) {
            finish()
        }
    }

    private func isUnchanged(_ request: FleetRequest, _ state: HostState) -> Bool {
        guard request.kind == .document, let tag = request.tag else { return false }
        return tag.elementsEqual(Self.tag(host, state).utf8)
    }

    /// The entity tag of a host's document: strong, since every host, build, state and container has its own.
    private static func tag(_ host: Int, _ state: HostState) -> String {
        "\"\(host)-\(state.template)-\(state.incarnation)\""
    }

    // MARK: - Output

    private func answer(_ request: FleetRequest, _ context: ChannelHandlerContext) {
        let state = fleet.state(of: host)
        guard state.reaction != .error else { return status("500 Internal Server Error", "failed", request, context) }
        switch request.kind {
        case .document: break
        case .notFound: return status("404 Not Found", "this agent answers /buildinfo", request, context)
        case .badNonce:
            return status(
                "400 Bad Request", "nonce must be 1 to 128 printable ASCII characters, once", request, context)
        case .badMethod: return status("405 Method Not Allowed", "only GET and HEAD are allowed", request, context)
        case .malformed: return status("400 Bad Request", "malformed request", request, context)
        }
        let isUnchanged = isUnchanged(request, state)
        let template = fleet.plan.templates[state.template]
        fleet.output.clear()
        if isUnchanged {
            fleet.output.writeStaticString("HTTP/1.1 304 Not Modified\r\nCache-Control: no-store\r\n")
        } else {
            fleet.output.writeStaticString(
                "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Type: application/json\r\nContent-Length: ")
            fleet.output.writeString(String(template.count(nonce: request.nonce.count)))
            fleet.output.writeStaticString("\r\n")
        }
        fleet.output.writeStaticString("ETag: ")
        fleet.output.writeString(Self.tag(host, state))
        fleet.output.writeStaticString("\r\nBuildinfo-Host: fleet-")
        fleet.output.writeString(String(FleetPlan.name(of: host).utf8.suffix(DocumentTemplate.hostDigits)) ?? "")
        fleet.output.writeStaticString("\r\nBuildinfo-Age: ")
        fleet.output.writeString(DocumentTemplate.age)
        if !request.plainNonce.isEmpty {
            fleet.output.writeStaticString("\r\nBuildinfo-Nonce: ")
            fleet.output.writeBytes(request.plainNonce)
        }
        if let seconds = request.wait {
            fleet.output.writeStaticString("\r\nPreference-Applied: wait=")
            fleet.output.writeString(String(seconds))
        }
        if request.isLast { fleet.output.writeStaticString("\r\nConnection: close") }
        fleet.output.writeStaticString("\r\n\r\n")
        if !isUnchanged, !request.isHead {
            template.write(
                to: &fleet.output, host: host + 1, incarnation: Int(state.incarnation), nonce: request.nonce,
                observedAt: fleet.observedAt())
        }
        send(request, context)
    }

    private func status(_ status: String, _ line: String, _ request: FleetRequest, _ context: ChannelHandlerContext) {
        fleet.output.clear()
        fleet.output.writeString(
            "HTTP/1.1 \(status)\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: \(line.utf8.count + 1)\r\n"
                + (request.isLast ? "Connection: close\r\n" : "") + "\r\n" + (request.isHead ? "" : "\(line)\n"))
        send(request, context)
    }

    private func send(_ request: FleetRequest, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(fleet.output), promise: nil)
        if request.isLast { context.close(promise: nil) }
    }

    /// Closes with a reset, which clients see as a refused or broken connection.
    private func reset(_ context: ChannelHandlerContext) {
        isClosed = true
        stopWaiting()
        if let socket = context.channel as? any SocketOptionProvider {
            // Without the option, the connection ends in order. That is no answer either.
            socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in }
        }
        context.close(promise: nil)
    }
}
