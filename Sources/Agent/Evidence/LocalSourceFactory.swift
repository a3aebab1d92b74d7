import Logging
import NIOCore
import Shared
import Synchronization

/// Makes the sources that look in this process: one for each configuration, all on one board.
final class LocalSourceFactory: Sendable {
    let board: DocumentStore
    private let group: any EventLoopGroup
    private let metrics: Metrics
    private let clock: Clock
    private let logger: Logger
    private let configuration: Mutex<SourceConfiguration>

    init(
        configuration: SourceConfiguration, group: any EventLoopGroup, metrics: Metrics, clock: Clock, logger: Logger
    ) throws {
        board = try DocumentStore(configuration: configuration)
        self.configuration = Mutex(configuration)
        self.group = group
        self.metrics = metrics
        self.clock = clock
        self.logger = logger
    }

    /// The source for the configuration as it is.
    func source() -> LocalSource {
        LocalSource(
            configuration: configuration.withLock { $0 }, board: board, group: group, metrics: metrics, clock: clock,
            logger: logger)
    }

    /// The source for another configuration. What was seen of services that are declared as before stays on the board.
    func source(after next: SourceConfiguration) throws -> LocalSource {
        let former = configuration.withLock { configuration in
            defer { configuration = next }
            return configuration
        }
        try board.adopt(next, after: former)
        return source()
    }
}
