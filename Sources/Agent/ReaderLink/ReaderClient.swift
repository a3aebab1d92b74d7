import AgentCore
import Glibc
import Logging
import NIOCore
import NIOPosix
import Shared

/// A client of the reader, each of whose connections begins with a fresh snapshot.
struct ReaderClient: Sendable {
    let path: String
    let group: any EventLoopGroup
    var patience = Patience()

    /// The limits for the reader's answer. A request with a nonce waits for it, and has to be answered before the collector's
    /// default limit of 5 s: otherwise the collector does not learn that the state is unknown.
    struct Patience: Hashable, Sendable {
        /// The limit for the sign of life, which a reader sends at once. A hung reader is detected as fast as a hung engine.
        var sign = TimeAmount.milliseconds(1_500)
        /// The limit for the first snapshot, whose observation can involve a slow engine.
        var snapshot = TimeAmount.milliseconds(4_500)
    }

    /// An established connection.
    struct Connection: Sendable {
        let channel: any Channel
        /// The undecoded snapshots; only the newest is buffered.
        let lines: AsyncStream<[UInt8]>
        let end: FirstError<ReaderFailure>

        func close() { channel.close(promise: nil) }
    }

    /// Returns with the first line.
    func connect() async throws(ReaderFailure) -> (first: [UInt8], connection: Connection) {
        let loop = group.next()
        let first = loop.makePromise(of: [UInt8].self)
        let (lines, continuation) = AsyncStream.makeStream(of: [UInt8].self, bufferingPolicy: .bufferingNewest(1))
        let end = FirstError<ReaderFailure>()
        let (path, patience) = (path, patience)
        do {
            let channel = try await ClientBootstrap(group: loop)
                .connectTimeout(patience.sign)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let handler = ReaderHandler(
                            path: path, patience: patience, first: first, lines: continuation, end: end)
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                }
                .connect(unixDomainSocketPath: path).get()
            first.futureResult.whenFailure { _ in channel.close(promise: nil) }
            let line = try await first.futureResult.get()
            return (line, Connection(channel: channel, lines: lines, end: end))
        } catch {
            let failure = Self.failure(error, path: path)
            first.fail(failure)
            throw failure
        }
    }

    private static func failure(_ error: any Error, path: String) -> ReaderFailure {
        switch error {
        case let failure as ReaderFailure: return failure
        case let error as IOError:
            switch error.errnoCode {
            case ENOENT: return .missing(path: path)
            // Also the error for a file that is not a socket.
            case ECONNREFUSED: return isSocket(path) ? .refused(path: path) : .notSocket(path: path)
            case EACCES, EPERM: return .denied(path: path)
            default: return .other(path: path, why: "errno \(error.errnoCode)")
            }
        default: return .late(path: path)
        }
    }

    /// True if the path is a socket, or cannot be examined.
    private static func isSocket(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFSOCK
    }
}

/// Receives whole lines from a reader within the limits, and sends nothing.
final class ReaderHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let path: String
    private let patience: ReaderClient.Patience
    private let first: EventLoopPromise<[UInt8]>
    private let lines: AsyncStream<[UInt8]>.Continuation
    private let end: FirstError<ReaderFailure>
    private var line: [UInt8] = []
    private var isFirst = true
    /// The limits for the sign of life and for the first line.
    private var deadlines: (sign: Scheduled<Void>?, line: Scheduled<Void>?)

    /// - Parameters:
    ///   - patience: starts when the handler is added.
    ///   - first: succeeds with the first line.
    ///   - lines: receives the later lines, and ends with the connection.
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

    func handlerRemoved(context: ChannelHandlerContext) { stopWaiting(forLine: true) }

    private func late(_ time: TimeAmount, _ context: ChannelHandlerContext) -> Scheduled<Void> {
        context.eventLoop.assumeIsolated().scheduleTask(in: time) { [self] in finish(.late(path: path), context) }
    }

    /// Cancels the limit for the sign of life, and that for the first line on demand.
    private func stopWaiting(forLine: Bool) {
        deadlines.sign?.cancel()
        if forLine { deadlines.line?.cancel() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        stopWaiting(forLine: false)
        var rest = unwrapInboundIn(data).readableBytesView[...]
        while let newline = rest.firstIndex(of: UInt8(ascii: "\n")) {
            line += rest[..<newline]
            rest = rest[rest.index(after: newline)...]
            deliver(line)
            line.removeAll(keepingCapacity: line.capacity <= 65_536)
        }
        line += rest
        guard line.count <= Snapshot.sizeLimit else {
            finish(.garbage, context)
            return
        }
    }

    private func deliver(_ line: [UInt8]) {
        if isFirst {
            stopWaiting(forLine: true)
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

    /// Ends the connection; later calls have no effect.
    private func finish(_ reason: ReaderFailure, _ context: ChannelHandlerContext) {
        end.set(reason)
        first.fail(reason)
        lines.finish()
        context.close(promise: nil)
    }
}

/// The reason why the reader's evidence is unavailable, which documents report.
enum ReaderFailure: Error, Hashable, CustomStringConvertible {
    case missing(path: String)
    case refused(path: String)
    case notSocket(path: String)
    case denied(path: String)
    case other(path: String, why: String)
    case late(path: String)
    case closed(path: String)
    case otherVersion
    case garbage

    /// One line with the remedy.
    var description: String {
        let remedy = "see the log of buildinfo-reader.service"
        return switch self {
        case .missing(let path): "the reader's socket \(path) does not exist: start buildinfo-reader.service"
        case .refused(let path): "no reader listens on \(path): \(remedy)"
        case .notSocket(let path): "\(path) is not a socket: expected the socket of buildinfo-reader.service"
        case .denied(let path): "permission denied for the reader's socket \(path): let the agent's group access it"
        case .other(let path, let why): "cannot connect to the reader at \(path) (\(why)): \(remedy)"
        case .late(let path): "the reader at \(path) does not answer: \(remedy)"
        case .closed(let path): "the reader at \(path) closed the connection: \(remedy)"
        case .otherVersion: "reader and server have different versions: restart buildinfo-reader.service"
        case .garbage: "invalid snapshot from the reader: restart buildinfo-reader.service"
        }
    }
}

/// A reader's first snapshot, received as a server does, for `check`.
struct OneSnapshot {
    /// The reader's socket.
    let path: String
    let clock: Clock
    let log: StandardErrorLog

    /// The documents that a server would serve, in the reader's order; or the reason why it has none.
    func contents() async throws -> Result<[DocumentContent], ReaderFailure> {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let outcome = await receive(group)
        try await group.shutdownGracefully()
        return outcome
    }

    private func receive(_ group: any EventLoopGroup) async -> Result<[DocumentContent], ReaderFailure> {
        var quiet = log
        quiet.logLevel = max(log.logLevel, .warning)
        let logger = Logger(label: "buildinfo-agent", factory: { [quiet] _ in quiet })
        let documents = DocumentStore([])
        let receiver = SnapshotReceiver(
            parts: ReaderDependencies(path: path, group: group, metrics: Metrics(), clock: clock, logger: logger),
            documents: documents, publisher: Publisher(documents: documents, clock: clock, logger: logger))
        do throws(ReaderFailure) {
            let (first, connection) = try await ReaderClient(path: path, group: group).connect()
            connection.close()
            try receiver.receive(first)
            return .success(documents.entries.map(\.body.content))
        } catch {
            return .failure(error)
        }
    }
}
