import Glibc
import Logging
import NIOCore
import NIOPosix
import Shared
import Synchronization

/// The reader's socket, on which it only ever writes: a fresh snapshot to whoever connects, then each new one.
///
/// So a front that must not serve old evidence connects anew, and has asked for a look without saying a word.
final class SnapshotServer: Sendable {
    /// A front has one connection, and two for a moment.
    static let connectionLimit = 32

    private let board: DocumentStore
    private let source: ReloadableSource
    private let metrics: Metrics
    private let clock: Clock
    private let group: any EventLoopGroup
    private let logger: Logger
    private let writers: NIOLoopBoundBox<[ObjectIdentifier: SnapshotWriter]>
    private let isTold = Mutex(false)
    private let listening = Mutex<[any Channel]>([])

    /// - Parameter group: its first loop is used.
    init(
        board: DocumentStore, source: ReloadableSource, metrics: Metrics, clock: Clock, group: any EventLoopGroup,
        logger: Logger
    ) {
        self.board = board
        self.source = source
        self.metrics = metrics
        self.clock = clock
        self.group = group
        self.logger = logger
        writers = NIOLoopBoundBox.makeBoxSendingValue([:], eventLoop: group.next())
        for occasion in [DocumentStore.Occasion.change, .observation] {
            board.observe(occasion) { [weak self] _ in self?.tell() }
        }
    }

    /// Listens; the socket's file is open to the process's group.
    func start(_ listeners: [Listener]) async throws(AgentError) {
        for listener in listeners {
            let channel = try await bind(listener)
            listening.withLock { $0.append(channel) }
        }
    }

    /// Cuts all connections.
    func stop() async {
        for server in listening.withLock({ $0 }) {
            if let path = server.localAddress?.pathname { unlink(path) }
            server.close(promise: nil)
        }
        do {
            try await writers.eventLoop.submit { [writers] in
                for writer in writers.value.values { writer.close() }
            }.get()
        } catch {
            logger.debug("The reader's connections end with their loop", metadata: ["error": "\(error)"])
        }
    }

    private func bind(_ listener: Listener) async throws(AgentError) -> any Channel {
        let bootstrap = ServerBootstrap(group: writers.eventLoop)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try admit(channel) }
            }
            // Of what comes, only the end matters.
            .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 64))
        switch listener {
        case .inherited(let descriptor):
            do { return try await bootstrap.withBoundSocket(descriptor).get() } catch {
                throw .inheritedSocket(descriptor)
            }
        case .address(.tcp(let host, let port)):
            throw .readerOnNetwork("\(ListenAddress.tcp(host: host, port: port))")
        case .address(.unix(let path)):
            try UnixSocketFile.clear(path)
            do {
                let channel = try await bootstrap.bind(unixDomainSocketPath: path).get()
                // Whatever the mask: the front is of the same group, and not the same user.
                chmod(path, S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP)
                return channel
            } catch {
                throw .bindFailure(error, "unix:\(path)")
            }
        }
    }

    private func admit(_ channel: any Channel) throws {
        guard writers.value.count < Self.connectionLimit else {
            logger.warning("Too many connect to the reader", metadata: ["limit": "\(Self.connectionLimit)"])
            channel.close(promise: nil)
            return
        }
        let id = ObjectIdentifier(channel)
        let writer = SnapshotWriter(snapshot: { [self] in line() }, refresh: { [self] in refresh(on: $0) })
        writers.value[id] = writer
        channel.closeFuture.assumeIsolated().whenComplete { [self] _ in writers.value[id] = nil }
        try channel.pipeline.syncOperations.addHandler(writer)
    }

    /// Completes when no service's evidence is old, or its source is known not to be readable.
    private func refresh(on loop: any EventLoop) -> EventLoopFuture<Void> {
        let done = loop.makePromise(of: Void.self)
        Task.onTaskThread { [board, source] in
            let current = source.current
            await withDiscardingTaskGroup { group in
                for service in board.services { group.addTask { await current.refresh(service) } }
            }
            done.succeed()
        }
        return done.futureResult
    }

    /// A look may put up many services: they are told as one.
    private func tell() {
        let isFirst = isTold.withLock { isTold in
            defer { isTold = true }
            return !isTold
        }
        guard isFirst else { return }
        writers.eventLoop.execute { [self] in
            isTold.withLock { $0 = false }
            for writer in writers.value.values { writer.boardChanged() }
        }
    }

    private func line() -> [UInt8] {
        do {
            return try Snapshot(board, metrics: metrics, clock: clock).line()
        } catch {
            // What the front has grows old, and its age says so.
            logger.error("A snapshot could not be encoded", metadata: ["error": "\(error)"])
            return []
        }
    }
}

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
