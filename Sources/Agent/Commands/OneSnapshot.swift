import Logging
import NIOCore
import NIOPosix
import Shared

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
