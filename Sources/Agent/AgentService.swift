import Glibc
import Logging
import NIOCore
import NIOPosix
import Shared

/// The agent as a service on the network: answers until it is told to stop, from looks of its own or from a reader's.
struct AgentService {
    /// Where evidence comes from.
    enum Origin {
        /// This process looks.
        case looks
        /// A reader looks, and this process has no right to. The services are those that are known before the reader says
        /// which there are.
        case reader(path: String, services: [String], host: HostIdentity)
    }

    let origin: Origin
    /// Reads flags, environment and file; again on SIGHUP.
    let configuration: () throws -> LoadedConfiguration
    let listen: [ListenAddress]
    let access: AccessConfiguration
    let manager: ServiceManager
    let log: StandardErrorLog
    var limits = ServerLimits()
    var clock = Clock.system

    /// Returns after SIGTERM or SIGINT, when what was under way is finished.
    func run() async throws {
        let signals = ProcessSignals.shared.take()
        let logger = Logger(label: "buildinfo-agent", factory: { [log] _ in log })
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let metrics = Metrics()
        let (source, reload) = try evidence(group: group, metrics: metrics, logger: logger)
        let control = try accessControl(logger)
        let responder = Responder(
            board: source.current.board, source: source, metrics: metrics, clock: clock, startedAt: clock.now(),
            access: control)
        let server = HTTPServer(
            responder: responder, limits: fittingLimits(logger), group: group, logger: logger, access: control)
        try await listen(server, control, logger)
        let run = ServiceRun(
            manager: manager, source: source, group: group, logger: logger, unit: "buildinfo-agent", reload: reload)
        await run.untilStopped(signals)
        await server.stop()
        try await group.shutdownGracefully()
    }

    private func evidence(
        group: any EventLoopGroup, metrics: Metrics, logger: Logger
    ) throws -> (ReloadableSource, reload: () throws -> ServiceRun.Reload) {
        let started = try configuration()
        switch origin {
        case .looks:
            let looks = try LocalSourceFactory(
                configuration: started.evidence, group: group, metrics: metrics, clock: clock, logger: logger)
            return (
                ReloadableSource(looks.source()),
                {
                    let next = try configuration()
                    let waiting = started.standing.waiting(in: next.standing)
                    // What a front would look at is not what this process does.
                    let isFront = waiting?.keys.contains("from") ?? false
                    return ServiceRun.Reload(
                        source: isFront ? nil : try looks.source(after: next.evidence), waiting: waiting)
                }
            )
        case .reader(let path, let services, let host):
            let board = DocumentStore(
                try services.map { service in
                    try DocumentStore.Entry(
                        unobserved: service, host: host, reason: "the reader at \(path) was not reached yet")
                })
            let parts = ReaderDependencies(path: path, group: group, metrics: metrics, clock: clock, logger: logger)
            return (
                ReloadableSource(RemoteSource(parts, board: board)),
                {
                    ServiceRun.Reload(source: nil, waiting: started.standing.waiting(in: try configuration().standing))
                }
            )
        }
    }

    private func accessControl(_ logger: Logger) throws(AgentError) -> AccessControl {
        do throws(AccessError) {
            let control = try AccessControl(
                access, credentials: CredentialFolders(environment: manager.environment), clock: clock, logger: logger)
            logger.info("Access", metadata: control.protection)
            control.warnOfExpiry()
            return control
        } catch {
            throw .access(error)
        }
    }

    private func listen(_ server: HTTPServer, _ control: AccessControl, _ logger: Logger) async throws {
        let inherited = try manager.inheritedSockets()
        let listeners: [Listener] = inherited.isEmpty ? listen.map(Listener.address) : inherited.map(Listener.inherited)
        for listener in listeners {
            let (isLocal, name) = Self.describe(listener)
            if isLocal { continue }
            if control.isRestricted {
                guard control.showsTokens else { continue }
                logger.warning("Tokens cross the network in the clear: add TLS", metadata: ["address": "\(name)"])
            } else {
                guard access.allowsAnonymous else { throw AgentError.beyondLoopback(name) }
                logger.warning("Anybody who reaches this address can read it", metadata: ["address": "\(name)"])
            }
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
