import Glibc
import NIOCore
import NIOPosix

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
