import Glibc
import Logging
import NIOCore
import NIOPosix
import Shared

/// The agent as a service on the network, with evidence of its own or from a reader.
struct AgentService {
    /// The origin of the evidence.
    enum Origin {
        /// This process asks engines, files and probed services itself.
        case local
        /// A reader asks them, and this process has no permission to. `services` are those to answer for until the reader is
        /// reached.
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

    /// Returns after SIGTERM or SIGINT, once requests in flight are finished.
    func run() async throws {
        let signals = ProcessSignals.shared.receive()
        let logger = Logger(label: "buildinfo-agent", factory: { [log] _ in log })
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let metrics = Metrics()
        let (source, reload) = try evidence(group: group, metrics: metrics, logger: logger)
        let control = try accessControl(logger)
        let responder = Responder(
            documents: source.current.documents, source: source, metrics: metrics, clock: clock, startedAt: clock.now(),
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
        case .local:
            let sources = try LocalSourceFactory(
                configuration: started.evidence, group: group, metrics: metrics, clock: clock, logger: logger)
            return (
                ReloadableSource(sources.source()),
                {
                    let next = try configuration()
                    let pending = started.restartOnly.pending(in: next.restartOnly)
                    // After the restart the reader determines the services; until then the present ones stay.
                    let needsReader = pending?.keys.contains("from") ?? false
                    return ServiceRun.Reload(
                        source: needsReader ? nil : try sources.source(after: next.evidence), pending: pending)
                }
            )
        case .reader(let path, let services, let host):
            let documents = DocumentStore(
                try services.map { service in
                    try DocumentStore.Entry(
                        unobserved: service, host: host, reason: "the reader at \(path) has not been reached yet")
                })
            let dependencies = ReaderDependencies(
                path: path, group: group, metrics: metrics, clock: clock, logger: logger)
            return (
                ReloadableSource(RemoteSource(dependencies, documents: documents)),
                {
                    ServiceRun.Reload(
                        source: nil, pending: started.restartOnly.pending(in: try configuration().restartOnly))
                }
            )
        }
    }

    private func accessControl(_ logger: Logger) throws(AgentError) -> AccessControl {
        do throws(AccessError) {
            let control = try AccessControl(
                access, credentials: CredentialFolders(environment: manager.environment), clock: clock, logger: logger)
            logger.info("Access control", metadata: control.protection)
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
                guard control.exposesTokens else { continue }
                logger.warning("Tokens are sent unencrypted: add TLS", metadata: ["address": "\(name)"])
            } else {
                guard access.allowsAnonymous else { throw AgentError.beyondLoopback(name) }
                logger.warning("Anonymous access from the network", metadata: ["address": "\(name)"])
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
            // An unknown address counts as reachable from the network.
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

    /// The limits, with no more connections than the limit on open files permits beside engines and logs.
    private func fittingLimits(_ logger: Logger) -> ServerLimits {
        var fitting = limits
        let needed = limits.connections + limits.refusals + 64
        let files = OpenFiles.raise(to: needed)
        if files < needed {
            fitting.connections = max(16, files - limits.refusals - 64)
            logger.warning(
                "Connection limit reduced to fit the limit on open files",
                metadata: ["connections": "\(fitting.connections)"])
        }
        return fitting
    }
}
