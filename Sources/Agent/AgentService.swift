import Glibc
import Logging
import NIOCore
import NIOPosix
import Shared

/// The agent as a service: looks and answers until it is told to stop.
struct AgentService {
    let evidence: EvidenceConfiguration
    let listen: [ListenAddress]
    let allowsAnonymous: Bool
    let manager: ServiceManager
    let log: StandardErrorLog
    var limits = ServerLimits()
    var clock = Clock.system

    /// Returns after SIGTERM or SIGINT, when what was under way is finished.
    func run() async throws {
        signal(SIGPIPE, SIG_IGN)
        let stop = StopSignals.shared.next()
        let logger = Logger(label: "buildinfo-agent", factory: { [log] _ in log })
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let board = try Board(configuration: evidence)
        let metrics = Metrics()
        let lookout = Lookout(
            configuration: evidence, board: board, group: group, metrics: metrics, clock: clock, logger: logger)
        let responder = Responder(
            board: board, lookout: lookout, metrics: metrics, clock: clock, hostID: evidence.host.id,
            startedAt: clock.now())
        let server = HTTPServer(responder: responder, limits: fittingLimits(logger), group: group, logger: logger)
        try await listen(server, logger)

        let looking = Task.onTaskThread {
            await lookout.lookAtAll()
            // Ready means: the first answer is one from evidence.
            manager.notify("READY=1")
            logger.info("Ready", metadata: ["services": "\(board.services.joined(separator: ","))"])
            StartupPages.release()
            await lookout.run()
        }
        let signal = await stop.value
        logger.info("Stopping", metadata: ["signal": "\(signal == SIGINT ? "SIGINT" : "SIGTERM")"])
        manager.notify("STOPPING=1")
        looking.cancel()
        await server.stop()
        try await group.shutdownGracefully()
    }

    private func listen(_ server: HTTPServer, _ logger: Logger) async throws {
        let inherited = try manager.inheritedSockets()
        let listeners: [Listener] = inherited.isEmpty ? listen.map(Listener.address) : inherited.map(Listener.inherited)
        for listener in listeners {
            let (isLocal, name) = Self.describe(listener)
            if isLocal { continue }
            guard allowsAnonymous else { throw AgentError.beyondLoopback(name) }
            logger.warning("Anybody who reaches this address can read it", metadata: ["address": "\(name)"])
        }
        for address in try await server.start(listeners) {
            logger.info("Listening", metadata: ["address": "\(Self.name(of: address))"])
        }
    }

    private static func describe(_ listener: Listener) -> (isLocal: Bool, name: String) {
        switch listener {
        case .address(let address): return (address.isLocal, "\(address)")
        case .inherited(let descriptor):
            // An address that cannot be told is taken for one that others reach.
            guard let address = InheritedSocket.address(descriptor) else {
                return (false, "inherited socket \(descriptor)")
            }
            return (address.isLoopback, name(of: address))
        }
    }

    private static func name(of address: SocketAddress) -> String {
        guard let ip = address.ipAddress, let port = address.port else { return "unix:\(address.pathname ?? "")" }
        return ip.contains(":") ? "[\(ip)]:\(port)" : "\(ip):\(port)"
    }

    /// No more connections than files can be open, with some left for engines and logs.
    private func fittingLimits(_ logger: Logger) -> ServerLimits {
        var fitting = limits
        let needed = limits.connections + limits.refusals + 64
        let files = OpenFiles.raise(to: needed)
        if files < needed {
            fitting.connections = max(16, files - limits.refusals - 64)
            logger.warning(
                "Fewer files may be open than connections are allowed",
                metadata: ["connections": "\(fitting.connections)"])
        }
        return fitting
    }
}
