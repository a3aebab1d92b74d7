import AgentCore
import Glibc
import Logging
import NIOCore
import NIOPosix
import Shared

/// Connects to a reader: each connection begins with a fresh snapshot.
struct ReaderClient: Sendable {
    let path: String
    let group: any EventLoopGroup
    var patience = Patience()

    /// How long a reader is waited for. Who asks with a nonce waits as long, and a collector gives up after 5 s: then it
    /// would not learn that the host is unknown.
    struct Patience: Hashable, Sendable {
        /// For any sign of life, which a reader gives at once: one that hangs is found out as fast as an engine that does.
        var sign = TimeAmount.milliseconds(1_500)
        /// For the first snapshot, of a look that may have to wait for a slow engine.
        var snapshot = TimeAmount.milliseconds(4_500)
    }

    /// A connection that stands.
    struct Connection: Sendable {
        let channel: any Channel
        /// Snapshots as they came, undecoded; of those that nobody has taken, the newest.
        let lines: AsyncStream<[UInt8]>
        let end: FirstError<ReaderFailure>

        func close() { channel.close(promise: nil) }
    }

    /// Returns when the first line is there.
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
            // Said of whatever is no socket, too.
            case ECONNREFUSED: return isSocket(path) ? .refused(path: path) : .noSocket(path: path)
            case EACCES, EPERM: return .denied(path: path)
            default: return .other(path: path, why: "errno \(error.errnoCode)")
            }
        default: return .late(path: path)
        }
    }

    /// What cannot be told counts as one.
    private static func isSocket(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFSOCK
    }
}

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

/// Why the reader's evidence cannot be had: it ends up in a document, not in a crash.
enum ReaderFailure: Error, Hashable, CustomStringConvertible {
    case missing(path: String)
    case refused(path: String)
    case noSocket(path: String)
    case denied(path: String)
    case other(path: String, why: String)
    case late(path: String)
    case closed(path: String)
    case otherVersion
    case garbage

    /// One sentence with the remedy.
    var description: String {
        let remedy = "see the log of buildinfo-reader.service"
        return switch self {
        case .missing(let path): "the reader's socket \(path) does not exist: start buildinfo-reader.service"
        case .refused(let path): "no reader listens on \(path): \(remedy)"
        case .noSocket(let path): "\(path) is no socket: name the one that buildinfo-reader.service listens on"
        case .denied(let path): "opening the reader's socket \(path) is denied: let the agent's group access it"
        case .other(let path, let why): "connecting to the reader at \(path) failed (\(why)): \(remedy)"
        case .late(let path): "the reader at \(path) does not answer: \(remedy)"
        case .closed(let path): "the reader at \(path) went away: \(remedy)"
        case .otherVersion: "the reader is of another version than the front: restart buildinfo-reader.service"
        case .garbage: "what the reader sends cannot be read: restart buildinfo-reader.service"
        }
    }
}

/// Takes a reader's first snapshot as a front does, without a server.
struct OneSnapshot {
    /// The reader's socket.
    let path: String
    let clock: Clock
    let log: StandardErrorLog

    /// What a front would serve, in the reader's order; or why it could serve nothing.
    func contents() async throws -> Result<[DocumentContent], ReaderFailure> {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let outcome = await take(group)
        try await group.shutdownGracefully()
        return outcome
    }

    private func take(_ group: any EventLoopGroup) async -> Result<[DocumentContent], ReaderFailure> {
        var quiet = log
        quiet.logLevel = max(log.logLevel, .warning)
        let logger = Logger(label: "buildinfo-agent", factory: { [quiet] _ in quiet })
        let board = DocumentStore([])
        let taker = SnapshotReceiver(
            parts: ReaderDependencies(path: path, group: group, metrics: Metrics(), clock: clock, logger: logger),
            board: board, publisher: Publisher(board: board, clock: clock, logger: logger))
        do throws(ReaderFailure) {
            let (first, connection) = try await ReaderClient(path: path, group: group).connect()
            connection.close()
            try taker.take(first)
            return .success(board.entries.map(\.body.content))
        } catch {
            return .failure(error)
        }
    }
}
