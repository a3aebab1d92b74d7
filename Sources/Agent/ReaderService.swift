import Glibc
import Logging
import NIOCore
import NIOPosix
import Shared

/// The half of the agent that may open the engine's socket: looks, and writes what it sees to a unix socket. It takes no
/// word from anybody but engines, files and the probed services.
struct ReaderService {
    /// Reads the flags and the file; again on SIGHUP.
    let configuration: () throws -> LoadedConfiguration
    let listen: [ListenAddress]
    let manager: ServiceManager
    let log: StandardErrorLog
    var clock = Clock.system

    /// Returns after SIGTERM or SIGINT.
    func run() async throws {
        let signals = ProcessSignals.shared.take()
        let logger = Logger(label: "buildinfo-reader", factory: { [log] _ in log })
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let metrics = Metrics()
        let started = try configuration()
        let looks = try LocalSourceFactory(
            configuration: started.evidence, group: group, metrics: metrics, clock: clock, logger: logger)
        let source = ReloadableSource(looks.source())
        let server = SnapshotServer(
            board: looks.board, source: source, metrics: metrics, clock: clock, group: group, logger: logger)
        let inherited = try manager.inheritedSockets()
        try await server.start(inherited.isEmpty ? listen.map(Listener.address) : inherited.map(Listener.inherited))
        for address in listen where inherited.isEmpty {
            logger.info("Listening for fronts", metadata: ["address": "\(address)"])
        }
        let run = ServiceRun(
            manager: manager, source: source, group: group, logger: logger, unit: "buildinfo-reader",
            reload: {
                let next = try configuration()
                return ServiceRun.Reload(
                    source: try looks.source(after: next.evidence), waiting: started.standing.waiting(in: next.standing)
                )
            })
        await run.untilStopped(signals)
        await server.stop()
        try await group.shutdownGracefully()
    }
}
