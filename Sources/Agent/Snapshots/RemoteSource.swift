import Logging
import NIOCore
import Shared
import Synchronization

/// The front's evidence: a reader's, followed as it comes, and asked for anew when it must not be old.
///
/// A look is a new connection, which begins with a fresh snapshot and then takes the place of the one before. A reader that
/// is gone, hangs or speaks nonsense makes every service `unknown` at once.
struct RemoteSource: StatusSource {
    let board: DocumentStore
    let clock: Clock
    private let looker: Refresher
    private let standing: Standing

    var lookers: [Refresher] { [looker] }

    init(_ parts: ReaderDependencies, board: DocumentStore) {
        let standing = Standing()
        let publisher = Publisher(board: board, clock: parts.clock, logger: parts.logger)
        let taker = SnapshotReceiver(parts: parts, board: board, publisher: publisher)
        let client = ReaderClient(path: parts.path, group: parts.group)
        self.board = board
        self.standing = standing
        clock = parts.clock
        looker = Refresher(pace: .readers, clock: parts.clock) { looker, _ in
            await Self.connect(client, standing, taker, looker)
        }
    }

    /// Any service: which ones there are, the reader says.
    func looker(for service: String) -> Refresher? { looker }

    func run() async {
        await looker.run()
        standing.replace(with: nil)?.close()
    }

    private static func connect(
        _ client: ReaderClient, _ standing: Standing, _ taker: SnapshotReceiver, _ looker: Refresher
    ) async -> Refresher.Outcome {
        do throws(ReaderFailure) {
            let (first, connection) = try await client.connect()
            do throws(ReaderFailure) {
                try taker.take(first)
            } catch {
                connection.close()
                throw error
            }
            standing.replace(with: connection)?.close()
            Task.onTaskThread { await follow(connection, standing, taker, looker) }
            // The reader tells of all changes; that this look may have been faster than its word is no surprise.
            return Refresher.Outcome(succeeded: true, changed: false, isFollowed: true)
        } catch {
            standing.replace(with: nil)?.close()
            taker.lost(error)
            return Refresher.Outcome(succeeded: false, changed: false, isFollowed: false)
        }
    }

    /// Takes what comes until the connection ends, and says so if it was the one that counts.
    private static func follow(
        _ connection: ReaderClient.Connection, _ standing: Standing, _ taker: SnapshotReceiver, _ looker: Refresher
    ) async {
        var reason: ReaderFailure?
        for await line in connection.lines {
            do throws(ReaderFailure) {
                try taker.take(line)
            } catch {
                reason = error
                connection.close()
                break
            }
        }
        guard standing.remove(connection) else { return }
        taker.lost(reason ?? connection.end.value ?? .garbage)
        looker.told()
        looker.follows(false)
    }

    /// The connection that counts.
    private final class Standing: Sendable {
        private let connection = Mutex<ReaderClient.Connection?>(nil)

        /// Returns the one before.
        func replace(with other: ReaderClient.Connection?) -> ReaderClient.Connection? {
            connection.withLock { connection in
                defer { connection = other }
                return connection
            }
        }

        /// Whether it was the one that counts.
        func remove(_ ended: ReaderClient.Connection) -> Bool {
            connection.withLock { connection in
                guard connection?.channel === ended.channel else { return false }
                connection = nil
                return true
            }
        }
    }
}

extension RefreshSchedule.Pace {
    /// For readers, who tell of every look of theirs.
    static let readers = RefreshSchedule.Pace(calm: .seconds(30), wary: .seconds(1), settling: .zero)
}
