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

    func run() async throws {
        let environment = Console.current.environment
        let addresses = listen.isEmpty ? ["127.0.0.1:\(BuildinfoProtocol.defaultPort)"] : listen
        var service = AgentService(
            origin: try origin(environment),
            listen: try addresses.map { text throws(AgentError) in try ListenAddress(parsing: text) },
            allowsAnonymous: allowAnonymous, manager: ServiceManager(environment: environment),
            log: try source.log())
        service.limits.connections = maxConnections
        try await service.run()
    }

    private func origin(_ environment: [String: String]) throws(AgentError) -> AgentService.Origin {
        guard let from else {
            return .looks { [source] in try source.evidenceConfiguration(environment: environment) }
        }
        guard let path = ListenAddress.socketPath(from) else { throw .readerAddress(Hygiene.line(from, limit: 200)) }
        guard source.engines.isEmpty else { throw .sourceOfFront("--engine") }
        return .reader(
            path: path, services: try ServiceDeclaration.all(parsing: source.services, mayBeNone: true).map(\.name),
            host: try MachineIdentity.system.host(id: source.hostID, name: source.hostName))
    }
}
