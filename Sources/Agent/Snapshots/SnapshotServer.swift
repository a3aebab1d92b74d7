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
        for occasion in [DocumentStore.Occasion.change, .look] {
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
