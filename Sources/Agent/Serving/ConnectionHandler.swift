import AgentCore
import NIOCore
import NIOHTTP1
import NIOSSL
import NIOTLS

/// One connection, which answers its requests in order, one at a time, and enforces all time limits.
///
/// The next request is answered once the kernel has accepted the previous answer, and nothing is read in between. So a peer
/// that sends and never reads occupies one answer and the requests of one read. A request that waits for a change is held in
/// the same way.
final class ConnectionHandler: ChannelDuplexHandler, TimerWheelEntry {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = Never
    typealias OutboundOut = HTTPServerResponsePart

    private let responder: Responder
    private let limits: ServerLimits
    private let loop: LoopConnections
    private let terms: ConnectionContext
    private var context: ChannelHandlerContext?
    private var phase: ConnectionPhase {
        didSet { if phase.wait != oldValue.wait { waitChanged() } }
    }
    /// The place among the connections that wait for their peers.
    private var place: (peers: IdleConnections, number: Int)?
    /// True if the peer's certificate has none of the permitted names.
    private var isStranger = false
    private var waiting: [ConnectionRequest] = []
    private var held: PendingRequest?
    private var isReadHeld = false
    private var isLastRequestRead = false
    private var isInputClosed = false
    private var isStopping = false
    private var hasAnswered = false

    private(set) var deadline = NIODeadline.distantFuture {
        didSet { loop.deadlines.deadlineChanged(self) }
    }
    var slot: Int64?

    init(responder: Responder, limits: ServerLimits, loop: LoopConnections, terms: ConnectionContext) {
        self.responder = responder
        self.limits = limits
        self.loop = loop
        self.terms = terms
        phase = terms.socket == nil ? .idle : .securing
    }

    /// True while a request is being answered or held.
    private var isBusy: Bool { phase == .answering || phase == .holding }

    // MARK: - Input

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        deadline = .now() + (phase == .securing ? limits.headerTime : limits.idleTime)
        waitChanged()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    /// Starts the time limit for the headers at the first byte of a request, before anything is parsed.
    func bytesArrived() {
        guard phase == .idle else { return }
        phase = .readingHeaders
        deadline = .now() + limits.headerTime
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isLastRequestRead else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            guard waiting.count < limits.pipelined else {
                // Further requests are ignored: one TLS record can hold a thousand small ones.
                isLastRequestRead = true
                return
            }
            let refusal = limits.refusal(of: head)
            isLastRequestRead = refusal != nil || !head.isKeepAlive
            enqueue(ConnectionRequest(head: head, refusal: refusal), context)
        case .body, .end: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError else {
            if phase == .securing { handshakeFailed(error, context) }
            close(context)
            return
        }
        guard !isLastRequestRead else { return }
        isLastRequestRead = true
        enqueue(.refused(error == .headerOverflow ? .headersTooLarge : .malformed), context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            isLastRequestRead = true
            isInputClosed = true
            switch phase {
            case .answering: break
            // The peer is probably gone. One that only closed its side gets the present answer.
            case .holding: release(context)
            case .securing, .idle, .readingHeaders, .lingering, .closed: close(context)
            }
        case is ChannelShouldQuiesceEvent:
            isStopping = true
            waiting.removeAll()
            if phase == .securing || phase == .idle || phase == .readingHeaders { endSoon(context) }
            if phase == .holding { release(context, freshly: false) }
        case TLSUserEvent.handshakeCompleted: secured(context)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// Delays reads until the answer in progress is sent.
    func read(context: ChannelHandlerContext) {
        if isBusy { isReadHeld = true } else { context.read() }
    }

    // MARK: - Handshakes

    private func secured(_ context: ChannelHandlerContext) {
        guard phase == .securing else { return }
        phase = .idle
        deadline = .now() + limits.idleTime
        do {
            isStranger = !terms.access.permits(try context.pipeline.syncOperations.nioSSL_peerCertificate())
        } catch {
            isStranger = true
        }
    }

    private func handshakeFailed(_ why: any Error, _ context: ChannelHandlerContext) {
        responder.metrics.update { $0.handshakesFailed += 1 }
        terms.log(handshakeFailure: why, peer: context.channel.remoteAddress)
    }

    // MARK: - Requests

    private func enqueue(_ request: ConnectionRequest, _ context: ChannelHandlerContext) {
        guard phase != .lingering, phase != .closed, !isStopping || !isBusy else { return }
        guard !isBusy else {
            waiting.append(request)
            return
        }
        start(request, context)
    }

    private func start(_ request: ConnectionRequest, _ context: ChannelHandlerContext) {
        phase = .answering
        deadline = .distantFuture
        var pending = PendingRequest(request.head, route: responder.route(request.head.uri))
        if let refusal = request.refusal {
            pending.isLast = true
            write(refusal, to: pending, context)
            return
        }
        // The rate limit comes before authentication.
        let refusal =
            terms.refusal() ?? terms.access.refusal(of: request.head, pending.route, isStranger: isStranger)
        if let refusal {
            terms.log(refusal: refusal, of: request.head, peer: context.channel.remoteAddress)
            write(refusal, to: pending, context)
            return
        }
        guard request.head.method == .GET || request.head.method == .HEAD else {
            write(.methodNotAllowed, to: pending, context)
            return
        }
        let until = pending.wait.map { NIODeadline.now() + .seconds(Int64($0)) }
        freshen(pending, context) { [self] in
            if let until, !isStopping, !isInputClosed, responder.isUnchanged(pending) {
                hold(pending, until: until)
            } else {
                write(responder.answer(pending), to: pending, context)
            }
        }
    }

    /// Continues at once, or after an observation if the request needs fresh evidence.
    private func freshen(
        _ pending: PendingRequest, _ context: ChannelHandlerContext, then proceed: @escaping () -> Void
    ) {
        guard let service = responder.staleService(pending.route) else {
            proceed()
            return
        }
        responder.observe(service, within: limits.observationTime, on: context.eventLoop)
            .assumeIsolated().whenComplete { [self] _ in
                if phase == .answering { proceed() }
            }
    }

    // MARK: - Held requests

    private func hold(_ pending: PendingRequest, until: NIODeadline) {
        guard let service = pending.service else { return }
        phase = .holding
        held = pending
        loop.held.insert(self, service: service)
        deadline = until
    }

    /// The content of the held request's service has changed.
    func contentChanged() {
        guard phase == .holding, let context, let held, !responder.isUnchanged(held) else { return }
        // Evidence that was just observed is fresh, and an unreadable source needs no second observation.
        release(context, freshly: !responder.isFresh(held.route))
    }

    /// Answers the held request.
    ///
    /// - Parameter freshly: true to observe first if the request needs fresh evidence.
    private func release(_ context: ChannelHandlerContext, freshly: Bool = true) {
        guard let pending = letGo() else { return }
        phase = .answering
        deadline = .distantFuture
        guard freshly else {
            write(responder.answer(pending), to: pending, context)
            return
        }
        freshen(pending, context) { [self] in write(responder.answer(pending), to: pending, context) }
    }

    private func letGo() -> PendingRequest? {
        guard let pending = held, let service = pending.service else { return nil }
        held = nil
        loop.held.remove(self, service: service)
        return pending
    }

    // MARK: - Output

    private func write(_ answer: Answer, to pending: PendingRequest, _ context: ChannelHandlerContext) {
        let isLast = pending.isLast || isStopping
        hasAnswered = true
        let head = HTTPResponseHead(version: .http1_1, status: answer.status, headers: answer.fields(isLast: isLast))
        responder.metrics.update { $0.requests[Int(answer.status.code), default: 0] += 1 }

        deadline = .now() + limits.writeTime
        let written = context.eventLoop.makePromise(of: Void.self)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !pending.isHead, !answer.body.isEmpty {
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
            // Not within the previous answer's callback: a thousand small requests must not pile up on the stack.
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

    /// Closes the output, and leaves the peer a moment to read: an abrupt close while it still sends would discard the answer
    /// (RFC 9112, section 9.6).
    private func linger(_ context: ChannelHandlerContext) {
        phase = .lingering
        deadline = .now() + limits.lingerTime
        context.close(mode: .output, promise: nil)
        context.read()
    }

    private func close(_ context: ChannelHandlerContext) {
        guard phase != .closed else { return }
        end()
        if let socket = terms.socket { socket.closeSocket() } else { context.close(promise: nil) }
    }

    /// Closes the connection to make room for another.
    func giveUp() {
        guard let context, phase.wait != .none else { return }
        close(context)
    }

    /// Moves the connection to the list of those that wait for the same thing.
    private func waitChanged() {
        if let place { place.peers.remove(place.number) }
        place = loop.peers(phase.wait).map { ($0, $0.insert(self)) }
    }

    /// Closes the connection while stopping. A new connection probably has a request in flight, which is still answered.
    private func endSoon(_ context: ChannelHandlerContext) {
        guard !hasAnswered else { return close(context) }
        deadline = min(deadline, .now() + limits.graceTime)
    }

    /// Ends all work for the peer.
    private func end() {
        _ = letGo()
        phase = .closed
        waiting.removeAll()
        deadline = .distantFuture
        loop.deadlines.remove(self)
    }

    // MARK: - Time

    func deadlinePassed() {
        guard let context, phase != .closed else { return }
        switch phase {
        case .holding: release(context)
        case .readingHeaders:
            isLastRequestRead = true
            start(.refused(.headersTooSlow), context)
        case .securing:
            handshakeFailed(TimedOutHandshake(), context)
            close(context)
        case .idle, .answering, .lingering, .closed: close(context)
        }
    }
}

/// The phase of a connection.
enum ConnectionPhase {
    /// During the TLS handshake.
    case securing
    case idle, readingHeaders, answering
    /// A request waits for a change of the content, or for the end of its time.
    case holding
    /// After the last answer, while input is discarded.
    case lingering
    case closed

    /// The peer's action that the agent waits for.
    enum Wait {
        case handshake, request
        /// No action of the peer.
        case none
    }

    /// While the agent waits for the peer, it owes no answer, and can close the connection to make room for another.
    var wait: Wait {
        switch self {
        case .securing: .handshake
        case .idle, .readingHeaders, .lingering: .request
        case .answering, .holding, .closed: .none
        }
    }
}

/// A request in the queue of a connection.
struct ConnectionRequest {
    var head: HTTPRequestHead
    /// The answer to an invalid request, after which the connection ends; nil for valid ones.
    var refusal: Answer?

    /// A request that could not be parsed.
    static func refused(_ answer: Answer) -> ConnectionRequest {
        ConnectionRequest(head: HTTPRequestHead(version: .http1_1, method: .GET, uri: "/"), refusal: answer)
    }
}

/// The parts of a request that are kept until it is answered: few, since thousands can be held at a time.
struct PendingRequest {
    let route: Route
    let isHead: Bool
    /// True if the connection ends after the answer.
    var isLast: Bool
    /// The values of `If-None-Match`.
    let ifNoneMatch: [String]
    /// The time to hold the answer in seconds; nil to answer at once.
    let wait: Int?

    init(_ head: HTTPRequestHead, route: Route) {
        self.route = route
        isHead = head.method == .HEAD
        isLast = !head.isKeepAlive || head.version != .http1_1
        ifNoneMatch = head.headers["If-None-Match"]
        // Without a condition there is no change to wait for, and only documents change.
        if case .document = route, !ifNoneMatch.isEmpty {
            wait = Preferences.wait(head.headers["Prefer"])
        } else {
            wait = nil
        }
    }

    /// The service of the requested document; nil for other routes.
    var service: String? {
        if case .document(let service, _) = route { service } else { nil }
    }
}

/// Notifies the connection's handler of arriving bytes, before anything is parsed.
final class FirstByteHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let connection: ConnectionHandler

    init(connection: ConnectionHandler) {
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connection.bytesArrived()
        context.fireChannelRead(data)
    }
}
