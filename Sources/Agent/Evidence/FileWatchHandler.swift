import NIOCore
import NIOPosix

/// Reads a ``FileWatch``'s events, and says when to look.
final class FileWatchHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let watch: FileWatch
    private let ring: @Sendable (FileWatch.Urgency) -> Void

    init(watch: FileWatch, ring: @escaping @Sendable (FileWatch.Urgency) -> Void) {
        self.watch = watch
        self.ring = ring
    }

    /// Reads until the channel is closed.
    static func start(
        _ watch: FileWatch, on group: any EventLoopGroup, ring: @escaping @Sendable (FileWatch.Urgency) -> Void
    ) async throws -> any Channel {
        guard let descriptor = watch.readingEnd() else { throw IOError(errnoCode: EMFILE, reason: "dup") }
        do {
            return try await NIOPipeBootstrap(group: group)
                // A read into less than one event's size fails, so the size must not adapt.
                .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 4_096))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(FileWatchHandler(watch: watch, ring: ring))
                    }
                }
                .takingOwnershipOfDescriptor(input: descriptor).get()
        } catch {
            close(descriptor)
            throw error
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let urgency = watch.urgency(of: InotifyEvent.parse(unwrapInboundIn(data).readableBytesView))
        if urgency != .none { ring(urgency) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
