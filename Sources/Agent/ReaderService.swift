import Glibc
import Logging
import NIOCore
import NIOPosix
import Shared

/// The reader: the process that can open the engine's socket. It observes, and writes its snapshots to a unix socket. Its only
/// input comes from engines, files and probed services.
struct ReaderService {
    /// Reads flags, environment and file; again on SIGHUP.
    let configuration: () throws -> LoadedConfiguration
    let listen: [ListenAddress]
    let manager: ServiceManager
    let log: StandardErrorLog
    var clock = Clock.system

    /// Returns after SIGTERM or SIGINT.
    func run() async throws {
        let signals = ProcessSignals.shared.receive()
        let logger = Logger(label: "buildinfo-reader", factory: { [log] _ in log })
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let metrics = Metrics()
        let started = try configuration()
        let sources = try LocalSourceFactory(
            configuration: started.evidence, group: group, metrics: metrics, clock: clock, logger: logger)
        let source = ReloadableSource(sources.source())
        let server = SnapshotServer(
            documents: sources.documents, source: source, metrics: metrics, clock: clock, group: group, logger: logger)
        let inherited = try manager.inheritedSockets()
        try await server.start(inherited.isEmpty ? listen.map(Listener.address) : inherited.map(Listener.inherited))
        for address in listen where inherited.isEmpty {
            logger.info("Listening for servers", metadata: ["address": "\(address)"])
        }
        let run = ServiceRun(
            manager: manager, source: source, group: group, logger: logger, unit: "buildinfo-reader",
            reload: {
                let next = try configuration()
                return ServiceRun.Reload(
                    source: try sources.source(after: next.evidence),
                    pending: started.restartOnly.pending(in: next.restartOnly))
            })
        await run.untilStopped(signals)
        await server.stop()
        try await group.shutdownGracefully()
    }
}
