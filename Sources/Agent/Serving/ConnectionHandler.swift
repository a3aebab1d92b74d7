import NIOCore
import NIOHTTP1

/// One connection: takes requests in order, answers one at a time, and keeps every limit of time.
///
/// The next request is answered only when the kernel took the last answer, and nothing is read meanwhile, so a peer that
/// sends and never reads holds one answer and one read's worth of requests.
final class ConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = Never
    typealias OutboundOut = HTTPServerResponsePart

    private enum Phase {
        case idle, readingHeaders, answering
        /// The last answer is written; what still comes is thrown away.
        case lingering
        case closed
    }

    private struct Request {
        var head: HTTPRequestHead
        /// Set where the request is answered without being looked at, and ends the connection.
        var refusal: Answer?
    }

    private let responder: Responder
    private let limits: ServerLimits
    private var phase = Phase.idle
    private var waiting: [Request] = []
    private var deadline = NIODeadline.distantFuture
    private var timer: Scheduled<Void>?
    private var isReadHeld = false
    private var isLastRequestRead = false
    private var isStopping = false

    init(responder: Responder, limits: ServerLimits) {
        self.responder = responder
        self.limits = limits
    }

    // MARK: - What comes in

    func handlerAdded(context: ChannelHandlerContext) {
        deadline = .now() + limits.idleTime
        tick(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        phase = .closed
        timer?.cancel()
    }

    func channelInactive(context: ChannelHandlerContext) {
        phase = .closed
        waiting.removeAll()
        timer?.cancel()
        context.fireChannelInactive()
    }

    /// Bytes arrived, before anything is parsed: the time for the headers runs from the first of a request.
    func bytesArrived() {
        guard phase == .idle else { return }
        phase = .readingHeaders
        deadline = .now() + limits.headerTime
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isLastRequestRead else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            let refusal = refusal(of: head)
            isLastRequestRead = refusal != nil || !head.isKeepAlive
            enqueue(Request(head: head, refusal: refusal), context)
        case .body, .end: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError else {
            close(context)
            return
        }
        guard !isLastRequestRead else { return }
        isLastRequestRead = true
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/")
        enqueue(Request(head: head, refusal: error == .headerOverflow ? .headersTooLarge : .malformed), context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            isLastRequestRead = true
            if phase != .answering { close(context) }
        case is ChannelShouldQuiesceEvent:
            isStopping = true
            waiting.removeAll()
            if phase == .idle || phase == .readingHeaders { close(context) }
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// Reads are held while an answer is under way, and let go behind it.
    func read(context: ChannelHandlerContext) {
        if phase == .answering { isReadHeld = true } else { context.read() }
    }

    // MARK: - Requests

    private func refusal(of head: HTTPRequestHead) -> Answer? {
        let line = head.method.rawValue.utf8.count + head.uri.utf8.count + " ".utf8.count * 2 + "HTTP/1.1".utf8.count
        if line > limits.requestLine { return .uriTooLong }
        let size = head.headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
        if size > limits.headers { return .headersTooLarge }
        let hasBody =
            head.headers.contains(name: "Transfer-Encoding")
            || head.headers["Content-Length"].contains { $0 != "0" }
        return hasBody ? .bodyRefused : nil
    }

    private func enqueue(_ request: Request, _ context: ChannelHandlerContext) {
        guard phase != .lingering, phase != .closed, !isStopping || phase != .answering else { return }
        guard phase != .answering else {
            waiting.append(request)
            return
        }
        start(request, context)
    }

    private func start(_ request: Request, _ context: ChannelHandlerContext) {
        phase = .answering
        deadline = .distantFuture
        if let refusal = request.refusal {
            write(refusal, to: request, context)
            return
        }
        guard request.head.method == .GET || request.head.method == .HEAD else {
            write(.methodNotAllowed, to: request, context)
            return
        }
        let route = responder.route(request.head.uri)
        guard let service = responder.staleService(route) else {
            write(responder.answer(route, ifNoneMatch: request.head.headers["If-None-Match"]), to: request, context)
            return
        }
        awaitLook(at: service, context) { [self] in
            guard phase == .answering else { return }
            write(responder.answer(route, ifNoneMatch: request.head.headers["If-None-Match"]), to: request, context)
        }
    }

    /// Goes on when a look was made, or when it takes too long: then with what there is, whose age tells.
    private func awaitLook(at service: String, _ context: ChannelHandlerContext, then proceed: @escaping () -> Void) {
        let done = context.eventLoop.makePromise(of: Void.self)
        let lookout = responder.lookout
        let task = Task {
            await lookout.refresh(service)
            done.succeed()
        }
        let limit = context.eventLoop.scheduleTask(in: limits.lookTime) { done.succeed() }
        done.futureResult.assumeIsolated().whenComplete { _ in
            limit.cancel()
            task.cancel()
            proceed()
        }
    }

    // MARK: - What goes out

    private func write(_ answer: Answer, to request: Request, _ context: ChannelHandlerContext) {
        let isLast =
            request.refusal != nil || isStopping || !request.head.isKeepAlive
            || request.head.version != .http1_1
        var headers = HTTPHeaders()
        headers.reserveCapacity(answer.headers.count + 5)
        headers.add(name: "Cache-Control", value: "no-store")
        headers.add(name: "X-Content-Type-Options", value: "nosniff")
        if answer.status != .notModified {
            headers.add(name: "Content-Type", value: answer.contentType)
            headers.add(name: "Content-Length", value: "\(answer.body.count)")
        }
        for (name, value) in answer.headers { headers.add(name: name, value: value) }
        if isLast { headers.add(name: "Connection", value: "close") }
        let head = HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers)
        responder.metrics.update { $0.requests[Int(answer.status.code), default: 0] += 1 }

        deadline = .now() + limits.writeTime
        let written = context.eventLoop.makePromise(of: Void.self)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if request.head.method != .HEAD, !answer.body.isEmpty {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))), promise: nil)
        }
        written.futureResult.assumeIsolated().whenComplete { [self] result in
            guard phase == .answering else { return }
            switch result {
            case .success where isLast: linger(context)
            case .success: goOn(context)
            case .failure: close(context)
            }
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
    }

    private func goOn(_ context: ChannelHandlerContext) {
        guard waiting.isEmpty else {
            let next = waiting.removeFirst()
            // Not from within the last answer's write: a thousand small requests must not pile up on the stack.
            context.eventLoop.assumeIsolated().execute { [self] in
                if phase == .answering { start(next, context) }
            }
            return
        }
        guard !isLastRequestRead else {
            linger(context)
            return
        }
        phase = .idle
        deadline = .now() + limits.idleTime
        if isReadHeld {
            isReadHeld = false
            context.read()
        }
    }

    /// Says that nothing more will come, and gives the peer a moment to read: an abrupt close while it still sends would
    /// take the answer from it (RFC 9112, section 9.6).
    private func linger(_ context: ChannelHandlerContext) {
        phase = .lingering
        deadline = .now() + limits.lingerTime
        context.close(mode: .output, promise: nil)
        context.read()
    }

    private func close(_ context: ChannelHandlerContext) {
        guard phase != .closed else { return }
        phase = .closed
        timer?.cancel()
        context.close(promise: nil)
    }

    // MARK: - Time

    /// One coarse timer a connection: setting a deadline costs nothing, and it is kept to within a tick.
    private func tick(_ context: ChannelHandlerContext) {
        let interval = min(TimeAmount.milliseconds(500), min(limits.headerTime, limits.idleTime, limits.lingerTime))
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: interval) { [self] in
            guard phase != .closed else { return }
            guard NIODeadline.now() >= deadline else {
                tick(context)
                return
            }
            expire(context)
        }
    }

    private func expire(_ context: ChannelHandlerContext) {
        guard phase == .readingHeaders else {
            close(context)
            return
        }
        isLastRequestRead = true
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/")
        start(Request(head: head, refusal: .headersTooSlow), context)
        tick(context)
    }
}
