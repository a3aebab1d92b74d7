import Logging
import NIOCore
import Shared

/// What is needed to have evidence from a reader.
struct ReaderDependencies: Sendable {
    /// The reader's socket.
    var path: String
    var group: any EventLoopGroup
    var metrics: Metrics
    var clock: Clock
    var logger: Logger
}
