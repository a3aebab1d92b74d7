import NIOCore

/// Takes a reader's lines, whole and within the limit; says nothing.
final class ReaderHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let path: String
    private let patience: ReaderClient.Patience
    private let first: EventLoopPromise<[UInt8]>
    private let lines: AsyncStream<[UInt8]>.Continuation
    private let end: FirstError<ReaderFailure>
    private var line: [UInt8] = []
    private var isFirst = true
    /// When the reader is taken to hang: before it said anything, and before its first line is whole.
    private var deadlines: (sign: Scheduled<Void>?, line: Scheduled<Void>?)

    /// - Parameters:
    ///   - patience: counts from when the handler is added.
    ///   - first: succeeds with the first line, which the stream does not give.
    ///   - lines: gets the others, and ends with the connection.
    init(
        path: String, patience: ReaderClient.Patience, first: EventLoopPromise<[UInt8]>,
        lines: AsyncStream<[UInt8]>.Continuation,
        end: FirstError<ReaderFailure>
    ) {
        self.path = path
        self.patience = patience
        self.first = first
        self.lines = lines
        self.end = end
    }

    func handlerAdded(context: ChannelHandlerContext) {
        deadlines = (late(patience.sign, context), late(patience.snapshot, context))
    }

    func handlerRemoved(context: ChannelHandlerContext) { wait(isOver: true) }

    private func late(_ time: TimeAmount, _ context: ChannelHandlerContext) -> Scheduled<Void> {
        context.eventLoop.assumeIsolated().scheduleTask(in: time) { [self] in finish(.late(path: path), context) }
    }

    /// - Parameter isOver: nothing is waited for any more, not even the line.
    private func wait(isOver: Bool) {
        deadlines.sign?.cancel()
        if isOver { deadlines.line?.cancel() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        wait(isOver: false)
        var rest = unwrapInboundIn(data).readableBytesView[...]
        while let newline = rest.firstIndex(of: UInt8(ascii: "\n")) {
            line += rest[..<newline]
            rest = rest[rest.index(after: newline)...]
            give(line)
            line.removeAll(keepingCapacity: line.capacity <= 65_536)
        }
        line += rest
        guard line.count <= Snapshot.sizeLimit else {
            finish(.garbage, context)
            return
        }
    }

    private func give(_ line: [UInt8]) {
        if isFirst {
            wait(isOver: true)
            first.succeed(line)
        } else {
            lines.yield(line)
        }
        isFirst = false
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish(.closed(path: path), context)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { finish(.closed(path: path), context) }

    /// Without effect the second time.
    private func finish(_ reason: ReaderFailure, _ context: ChannelHandlerContext) {
        end.set(reason)
        first.fail(reason)
        lines.finish()
        context.close(promise: nil)
    }
}
