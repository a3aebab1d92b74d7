import ArgumentParser
import Shared

/// `buildinfo-agent serve`.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Answer GET /buildinfo, /buildinfo/{service}, /healthz and /metrics until SIGTERM.")

    @OptionGroup var source: SourceOptions

    @Option(
        help: ArgumentHelp(
            "Where to listen; repeatable. HOST:PORT, [V6]:PORT or unix:/PATH; sockets inherited from systemd win. Default: 127.0.0.1:\(BuildinfoProtocol.defaultPort).",
            valueName: "addr"))
    var listen: [String] = []

    @Option(
        help: ArgumentHelp(
            "Take the evidence from the reader that listens there, instead of asking engines: unix:/PATH.",
            valueName: "addr"))
    var from: String?

    @Flag(help: "Permit listening beyond loopback although nobody has to authenticate.")
    var allowAnonymous = false

    @Option(
        help: ArgumentHelp(
            "Connections at a time, \(ServerLimits.permittedConnections.lowerBound) to \(ServerLimits.permittedConnections.upperBound). Each collector that waits for changes holds one.",
            valueName: "n"))
    var maxConnections = ServerLimits.defaultConnections

    static let environmentFlags =
        SourceOptions.environmentFlags + [
            .init("--listen", .values), .init("--from"), .init("--allow-anonymous", .switchOn),
            .init("--max-connections"),
        ]

    func validate() throws {
        guard ServerLimits.permittedConnections.contains(maxConnections) else {
            throw ValidationError(
                "--max-connections \(maxConnections) is not from \(ServerLimits.permittedConnections.lowerBound) to \(ServerLimits.permittedConnections.upperBound)"
            )
        }
    }

    /// The files that decide who may ask, with what they are.
    var accessFiles: [(key: String, path: String)] { [] }

    /// What all flags together say.
    func configuration(environment: [String: String]) throws(AgentError) -> AgentConfiguration {
        let addresses = listen.isEmpty ? ["127.0.0.1:\(BuildinfoProtocol.defaultPort)"] : listen
        var limits = ServerLimits()
        limits.connections = maxConnections
        return AgentConfiguration(
            evidence: try source.evidenceConfiguration(environment: environment, mayBeNone: from != nil),
            from: try from.map(readerPath),
            listen: try addresses.map { text throws(AgentError) in try ListenAddress(parsing: text) },
            allowsAnonymous: allowAnonymous, limits: limits, log: try source.log())
    }

    func run() async throws {
        let console = Console.current
        let configuration = try configuration(environment: console.environment)
        var service = AgentService(
            origin: try origin(configuration, console), listen: configuration.listen,
            allowsAnonymous: configuration.allowsAnonymous, manager: ServiceManager(environment: console.environment),
            log: configuration.log)
        service.limits = configuration.limits
        try await service.run()
    }

    private func readerPath(_ from: String) throws(AgentError) -> String {
        guard let path = ListenAddress.socketPath(from) else { throw .readerAddress(Hygiene.line(from, limit: 200)) }
        return path
    }

    private func origin(
        _ configuration: AgentConfiguration, _ console: Console
    ) throws(AgentError) -> AgentService.Origin {
        guard let path = configuration.from else {
            return .looks {
                try AgentConfiguration.evidence(flags: console.arguments, environment: console.environment)
            }
        }
        guard source.engines.isEmpty else { throw .sourceOfFront("--engine") }
        guard source.probes.isEmpty else { throw .sourceOfFront("--probe") }
        return .reader(
            path: path, services: configuration.evidence.services.map(\.name), host: configuration.evidence.host)
    }
}
