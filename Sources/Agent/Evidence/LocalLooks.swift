import Logging
import NIOCore
import Shared
import Synchronization

/// Makes the sources that look in this process: one for each configuration, all on one board.
final class LocalLooks: Sendable {
    let board: Board
    private let group: any EventLoopGroup
    private let metrics: Metrics
    private let clock: Clock
    private let logger: Logger
    private let configuration: Mutex<EvidenceConfiguration>

    init(
        configuration: EvidenceConfiguration, group: any EventLoopGroup, metrics: Metrics, clock: Clock, logger: Logger
    ) throws {
        board = try Board(configuration: configuration)
        self.configuration = Mutex(configuration)
        self.group = group
        self.metrics = metrics
        self.clock = clock
        self.logger = logger
    }

    /// The source for the configuration as it is.
    func source() -> Lookout {
        Lookout(
            configuration: configuration.withLock { $0 }, board: board, group: group, metrics: metrics, clock: clock,
            logger: logger)
    }

    /// The source for another configuration. What was seen of services that are declared as before stays on the board.
    func source(after next: EvidenceConfiguration) throws -> Lookout {
        let former = configuration.withLock { configuration in
            defer { configuration = next }
            return configuration
        }
        try board.adopt(next, after: former)
        return source()
    }
}
