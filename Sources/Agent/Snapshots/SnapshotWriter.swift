import NIOCore

/// One connection of the reader: writes the board's state when it stands, and each later one. Nothing is read but its end.
///
/// A peer that does not read holds up nobody: at most one snapshot is under way to it, and the next one is the newest.
final class SnapshotWriter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// For the kernel to take a snapshot.
    static let writeTime = TimeAmount.seconds(10)

    /// Whether there is anything new, and whether it may be written.
    private enum Phase {
        /// The first snapshot is of a look that is under way.
        case looking
        case idle
        /// A snapshot is under way to the peer; `isNewer` where there is another one by now.
        case writing(isNewer: Bool)
        case closed
    }

    private let snapshot: () -> [UInt8]
    private let refresh: (any EventLoop) -> EventLoopFuture<Void>
    private var phase = Phase.looking
    private var context: ChannelHandlerContext?

    /// - Parameters:
    ///   - snapshot: the board's state, as a line.
    ///   - refresh: has a look made where the evidence is not fresh.
    init(snapshot: @escaping () -> [UInt8], refresh: @escaping (any EventLoop) -> EventLoopFuture<Void>) {
        self.snapshot = snapshot
        self.refresh = refresh
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        // A sign of life, since the look may take its time: JSON allows for a space in front of it.
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: " ")), promise: nil)
        refresh(context.eventLoop).assumeIsolated().whenComplete { [self] _ in
            if case .looking = phase { write() }
        }
    }

    /// There is something new.
    func boardChanged() {
        switch phase {
        case .looking, .closed: break
        case .idle: write()
        case .writing: phase = .writing(isNewer: true)
        }
    }

    func close() { context?.close(promise: nil) }

    private func write() {
        guard let context else { return }
        phase = .writing(isNewer: false)
        let channel = context.channel
        let late = context.eventLoop.scheduleTask(in: Self.writeTime) { channel.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: snapshot())))
            .assumeIsolated().whenComplete { [self] _ in
                late.cancel()
                guard case .writing(let isNewer) = phase else { return }
                phase = .idle
                if isNewer { write() }
            }
    }

    /// Nothing is parsed here: who says something is none of ours.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.close(promise: nil) }

    func channelInactive(context: ChannelHandlerContext) {
        phase = .closed
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
