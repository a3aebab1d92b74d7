import AgentCore
import NIOCore
import NIOHTTP1
import NIOSSL
import NIOTLS

/// One connection: takes requests in order, answers one at a time, and keeps every limit of time.
///
/// The next request is answered only when the kernel took the last answer, and nothing is read meanwhile, so a peer that
/// sends and never reads holds one answer and one read's worth of requests. A request that waits for a change is held in
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
        didSet { if phase.turn != oldValue.turn { turnChanged() } }
    }
    /// Among those that wait for their peers.
    private var place: (peers: IdleConnections, number: Int)?
    /// The peer's certificate is not one of those that may ask.
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

    /// A request is being answered, at once or later.
    private var isBusy: Bool { phase == .answering || phase == .holding }

    // MARK: - What comes in

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        deadline = .now() + (phase == .securing ? limits.headerTime : limits.idleTime)
        turnChanged()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
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
            guard waiting.count < limits.pipelined else {
                // What is waiting is answered, and the rest is not: a record of TLS holds a thousand small requests.
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
            // Most likely nobody is there any more. Somebody who has only said all gets the answer as it is now.
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

    /// Reads are held while an answer is under way, and let go behind it.
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
        var inquiry = PendingRequest(request.head, route: responder.route(request.head.uri))
        if let refusal = request.refusal {
            inquiry.isLast = true
            write(refusal, to: inquiry, context)
            return
        }
        // Who asks too fast is told so before it is looked at who asks.
        let objection =
            terms.refusal() ?? terms.access.objection(to: request.head, inquiry.route, isStranger: isStranger)
        if let objection {
            terms.log(refusal: objection, of: request.head, peer: context.channel.remoteAddress)
            write(objection, to: inquiry, context)
            return
        }
        guard request.head.method == .GET || request.head.method == .HEAD else {
            write(.methodNotAllowed, to: inquiry, context)
            return
        }
        let until = inquiry.wait.map { NIODeadline.now() + .seconds(Int64($0)) }
        freshen(inquiry, context) { [self] in
            if let until, !isStopping, !isInputClosed, responder.isUnchanged(inquiry) {
                hold(inquiry, until: until)
            } else {
                write(responder.answer(inquiry), to: inquiry, context)
            }
        }
    }

    /// Goes on at once, or when a look was made for a request that must not be given old evidence.
    private func freshen(
        _ inquiry: PendingRequest, _ context: ChannelHandlerContext, then proceed: @escaping () -> Void
    ) {
        guard let service = responder.staleService(inquiry.route) else {
            proceed()
            return
        }
        responder.look(at: service, within: limits.lookTime, on: context.eventLoop)
            .assumeIsolated().whenComplete { [self] _ in
                if phase == .answering { proceed() }
            }
    }

    // MARK: - Held requests

    private func hold(_ inquiry: PendingRequest, until: NIODeadline) {
        guard let service = inquiry.service else { return }
        phase = .holding
        held = inquiry
        loop.held.insert(self, service: service)
        deadline = until
    }

    /// The service's content is another than it was.
    func contentChanged() {
        guard phase == .holding, let context, let held, !responder.isUnchanged(held) else { return }
        // What was just seen is fresh, and that nothing can be seen has no need of another look.
        release(context, freshly: !responder.isSuitable(held.route))
    }

    /// Answers with what there is now.
    ///
    /// - Parameter freshly: after a look, where the request must not be given old evidence.
    private func release(_ context: ChannelHandlerContext, freshly: Bool = true) {
        guard let inquiry = letGo() else { return }
        phase = .answering
        deadline = .distantFuture
        guard freshly else {
            write(responder.answer(inquiry), to: inquiry, context)
            return
        }
        freshen(inquiry, context) { [self] in write(responder.answer(inquiry), to: inquiry, context) }
    }

    private func letGo() -> PendingRequest? {
        guard let inquiry = held, let service = inquiry.service else { return nil }
        held = nil
        loop.held.remove(self, service: service)
        return inquiry
    }

    // MARK: - What goes out

    private func write(_ answer: Answer, to inquiry: PendingRequest, _ context: ChannelHandlerContext) {
        let isLast = inquiry.isLast || isStopping
        hasAnswered = true
        let head = HTTPResponseHead(version: .http1_1, status: answer.status, headers: answer.fields(isLast: isLast))
        responder.metrics.update { $0.requests[Int(answer.status.code), default: 0] += 1 }

        deadline = .now() + limits.writeTime
        let written = context.eventLoop.makePromise(of: Void.self)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !inquiry.isHead, !answer.body.isEmpty {
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
        end()
        if let socket = terms.socket { socket.cut() } else { context.close(promise: nil) }
    }

    /// Gives the peer's place to another.
    func giveUp() {
        guard let context, phase.turn != .none else { return }
        close(context)
    }

    /// The peer's turn began or ended.
    private func turnChanged() {
        if let place { place.peers.remove(place.number) }
        place = loop.peers(phase.turn).map { ($0, $0.insert(self)) }
    }

    /// Who has only just connected has a request under way, most likely: it is answered. Nobody else waits for anything.
    private func endSoon(_ context: ChannelHandlerContext) {
        guard !hasAnswered else { return close(context) }
        deadline = min(deadline, .now() + limits.graceTime)
    }

    /// Nothing more is done for the peer.
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

/// Where a connection is.
enum ConnectionPhase {
    /// TLS has not come to an agreement yet.
    case securing
    case idle, readingHeaders, answering
    /// An answer is held until the content changes, or its time is up.
    case holding
    /// The last answer is written; what still comes is thrown away.
    case lingering
    case closed

    /// What the agent waits for.
    enum Turn {
        case handshake, request
        /// Nothing that the peer has to do.
        case none
    }

    /// While it is the peer's turn, nothing is owed to it, and its place can be given to another.
    var turn: Turn {
        switch self {
        case .securing: .handshake
        case .idle, .readingHeaders, .lingering: .request
        case .answering, .holding, .closed: .none
        }
    }
}

/// A request as it waits for its turn on a connection.
struct ConnectionRequest {
    var head: HTTPRequestHead
    /// Set where the request is answered without being looked at, and ends the connection.
    var refusal: Answer?

    /// One that could not even be read.
    static func refused(_ answer: Answer) -> ConnectionRequest {
        ConnectionRequest(head: HTTPRequestHead(version: .http1_1, method: .GET, uri: "/"), refusal: answer)
    }
}

/// What is kept of a request until it is answered: little, since thousands may be held at a time.
struct PendingRequest {
    let route: Route
    let isHead: Bool
    /// The connection ends behind the answer.
    var isLast: Bool
    /// `If-None-Match`, line by line.
    let ifNoneMatch: [String]
    /// Seconds that the answer may be held for; nil where it is given at once.
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

    /// The service whose document is asked for.
    var service: String? {
        if case .document(let service, _) = route { service } else { nil }
    }
}

/// Tells the connection's handler that bytes arrived, before anything is parsed.
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
