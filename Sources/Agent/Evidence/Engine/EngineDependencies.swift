import Logging
import NIOCore

/// What is needed to look at engines.
struct EngineDependencies: Sendable {
    /// Of engines, not of files.
    var services: [ServiceDeclaration]
    var sockets: EngineSockets
    var group: any EventLoopGroup
    var metrics: Metrics
    var clock: Clock
    var logger: Logger
}
