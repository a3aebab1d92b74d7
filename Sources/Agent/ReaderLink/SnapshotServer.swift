import Glibc
import Logging
import NIOCore
import NIOPosix
import Shared
import Synchronization

/// The reader's socket, to which the reader only writes: a fresh snapshot for each new connection, then every later one.
///
/// A server that must not serve old evidence opens another connection, which requests an observation without a message.
final class SnapshotServer: Sendable {
    /// A server has one connection, and two for a moment.
    static let connectionLimit = 32

    private let documents: DocumentStore
    private let source: ReloadableSource
    private let metrics: Metrics
    private let clock: Clock
    private let group: any EventLoopGroup
    private let logger: Logger
    private let writers: NIOLoopBoundBox<[ObjectIdentifier: SnapshotWriter]>
    private let isAnnounced = Mutex(false)
    private let listening = Mutex<[any Channel]>([])

    /// - Parameter group: its first loop is used.
    init(
        documents: DocumentStore, source: ReloadableSource, metrics: Metrics, clock: Clock, group: any EventLoopGroup,
        logger: Logger
    ) {
        self.documents = documents
        self.source = source
        self.metrics = metrics
        self.clock = clock
        self.group = group
        self.logger = logger
        writers = NIOLoopBoundBox.makeBoxSendingValue([:], eventLoop: group.next())
        for occasion in [DocumentStore.Occasion.change, .observation] {
            documents.observe(occasion) { [weak self] _ in self?.announce() }
        }
    }

    /// Listens on unix sockets, whose files are open to the process's group.
    func start(_ listeners: [Listener]) async throws(AgentError) {
        for listener in listeners {
            let channel = try await bind(listener)
            listening.withLock { $0.append(channel) }
        }
    }

    /// Closes the sockets and all connections.
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
            logger.debug("Connections end with their event loop", metadata: ["error": "\(error)"])
        }
    }

    private func bind(_ listener: Listener) async throws(AgentError) -> any Channel {
        let bootstrap = ServerBootstrap(group: writers.eventLoop)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try admit(channel) }
            }
            // Only the end of the input matters.
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
                // Regardless of the umask: the server runs as another user of the same group.
                chmod(path, S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP)
                return channel
            } catch {
                throw .bindFailure(error, "unix:\(path)")
            }
        }
    }

    private func admit(_ channel: any Channel) throws {
        guard writers.value.count < Self.connectionLimit else {
            logger.warning("Too many connections to the reader", metadata: ["limit": "\(Self.connectionLimit)"])
            channel.close(promise: nil)
            return
        }
        let id = ObjectIdentifier(channel)
        let writer = SnapshotWriter(snapshot: { [self] in line() }, refresh: { [self] in refresh(on: $0) })
        writers.value[id] = writer
        channel.closeFuture.assumeIsolated().whenComplete { [self] _ in writers.value[id] = nil }
        try channel.pipeline.syncOperations.addHandler(writer)
    }

    /// Completes when the evidence of every service is fresh, or its source is known to be unreadable.
    private func refresh(on loop: any EventLoop) -> EventLoopFuture<Void> {
        let done = loop.makePromise(of: Void.self)
        Task.onTaskThread { [documents, source] in
            let current = source.current
            await withDiscardingTaskGroup { group in
                for service in documents.services { group.addTask { await current.refresh(service) } }
            }
            done.succeed()
        }
        return done.futureResult
    }

    /// Sends one snapshot for an observation that publishes many services.
    private func announce() {
        let isFirst = isAnnounced.withLock { isAnnounced in
            defer { isAnnounced = true }
            return !isAnnounced
        }
        guard isFirst else { return }
        writers.eventLoop.execute { [self] in
            isAnnounced.withLock { $0 = false }
            for writer in writers.value.values { writer.documentsChanged() }
        }
    }

    private func line() -> [UInt8] {
        do {
            return try Snapshot(documents, metrics: metrics, clock: clock).line()
        } catch {
            // The server's evidence grows old, as its age shows.
            logger.error("Could not encode a snapshot", metadata: ["error": "\(error)"])
            return []
        }
    }
}

/// One connection of the reader, on which it writes the first snapshot and each later one, and reads nothing.
///
/// A peer that does not read delays no other one: at most one snapshot is in flight to it, followed by the newest.
final class SnapshotWriter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The limit for the kernel to accept a snapshot.
    static let writeTime = TimeAmount.seconds(10)

    /// The state of the connection.
    private enum Phase {
        /// Waiting for the observation that the first snapshot reports.
        case observing
        case idle
        /// A snapshot is in flight; `isOutdated` if there is a newer one.
        case writing(isOutdated: Bool)
        case closed
    }

    private let snapshot: () -> [UInt8]
    private let refresh: (any EventLoop) -> EventLoopFuture<Void>
    private var phase = Phase.observing
    private var context: ChannelHandlerContext?

    /// - Parameters:
    ///   - snapshot: encodes the present documents as a line.
    ///   - refresh: observes every service whose evidence is not fresh.
    init(snapshot: @escaping () -> [UInt8], refresh: @escaping (any EventLoop) -> EventLoopFuture<Void>) {
        self.snapshot = snapshot
        self.refresh = refresh
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        // A sign of life, since the observation can take time. JSON permits a leading space.
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: " ")), promise: nil)
        refresh(context.eventLoop).assumeIsolated().whenComplete { [self] _ in
            if case .observing = phase { write() }
        }
    }

    /// A document was published.
    func documentsChanged() {
        switch phase {
        case .observing, .closed: break
        case .idle: write()
        case .writing: phase = .writing(isOutdated: true)
        }
    }

    func close() { context?.close(promise: nil) }

    private func write() {
        guard let context else { return }
        phase = .writing(isOutdated: false)
        let channel = context.channel
        let late = context.eventLoop.scheduleTask(in: Self.writeTime) { channel.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: snapshot())))
            .assumeIsolated().whenComplete { [self] _ in
                late.cancel()
                guard case .writing(let isOutdated) = phase else { return }
                phase = .idle
                if isOutdated { write() }
            }
    }

    /// Closes the connection of a peer that sends anything, since servers do not.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.close(promise: nil) }

    func channelInactive(context: ChannelHandlerContext) {
        phase = .closed
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
