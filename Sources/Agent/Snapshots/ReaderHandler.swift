import NIOCore

/// Takes a reader's lines, whole and within the limit; says nothing.
final class ReaderHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let path: String
    private let first: EventLoopPromise<[UInt8]>
    private let lines: AsyncStream<[UInt8]>.Continuation
    private let end: FirstReason<ReaderFailure>
    private var line: [UInt8] = []
    private var isFirst = true

    /// - Parameters:
    ///   - first: succeeds with the first line, which the stream does not give.
    ///   - lines: gets the others, and ends with the connection.
    init(
        path: String, first: EventLoopPromise<[UInt8]>, lines: AsyncStream<[UInt8]>.Continuation,
        end: FirstReason<ReaderFailure>
    ) {
        self.path = path
        self.first = first
        self.lines = lines
        self.end = end
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
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
        if isFirst { first.succeed(line) } else { lines.yield(line) }
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
