import ArgumentParser
import Shared

/// `buildinfo-agent serve`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve /buildinfo, /buildinfo/{service}, /healthz and /metrics until SIGTERM")

    @OptionGroup var source: SourceOptions

    @Option(
        help: ArgumentHelp(
            "Address to listen on; repeatable. HOST:PORT with an IP address, [V6]:PORT or unix:/PATH; sockets inherited from systemd take precedence. Default: 127.0.0.1:\(BuildinfoProtocol.defaultPort).",
            valueName: "addr"))
    var listen: [String] = []

    @Option(
        help: ArgumentHelp(
            "Socket of a reader to take the evidence from, instead of asking engines: unix:/PATH.",
            valueName: "addr"))
    var from: String?

    @OptionGroup var access: AccessOptions

    static let environmentFlags =
        SourceOptions.environmentFlags + AccessOptions.environmentFlags + [.init("--listen", .values), .init("--from")]

    /// The files for authentication, with their keys.
    var accessFiles: [(key: String, path: String)] {
        let access = access.configuration.or(.credentials(CredentialFolders(environment: Console.current.environment)))
        let files = [
            ("access.token_file", access.tokenFile), ("access.tls.certificate", access.certificate),
            ("access.tls.key", access.key), ("access.tls.client_ca", access.clientAuthorities),
        ]
        return files.compactMap { key, path in path.map { (key: key, path: $0) } }
    }

    /// The configuration set by all flags.
    func configuration(environment: [String: String]) throws(AgentError) -> AgentConfiguration {
        guard from == nil || source.engine.engines.isEmpty else { throw .readerFlag("--engine") }
        guard from == nil || source.probes.isEmpty else { throw .readerFlag("--probe") }
        let addresses = listen.isEmpty ? ["127.0.0.1:\(BuildinfoProtocol.defaultPort)"] : listen
        let credentials = AccessConfiguration.credentials(CredentialFolders(environment: environment))
        return AgentConfiguration(
            evidence: try source.evidenceConfiguration(environment: environment, mayBeNone: from != nil),
            from: try from.map(readerPath),
            listen: try addresses.map { text throws(AgentError) in try ListenAddress(parsing: text) },
            access: access.configuration.or(credentials), limits: access.limits(), log: try source.log())
    }

    func run() async throws {
        let console = Console.current
        let configuration = try configuration(environment: console.environment)
        let manager = ServiceManager(environment: console.environment)
        let isBound = try !manager.inheritedSockets().isEmpty
        var service = AgentService(
            origin: origin(configuration),
            configuration: {
                try AgentConfiguration.reread(
                    flags: console.arguments, environment: console.environment, isBound: isBound)
            },
            listen: configuration.listen, access: configuration.access, manager: manager, log: configuration.log)
        service.limits = configuration.limits
        try await service.run()
    }

    private func readerPath(_ from: String) throws(AgentError) -> String {
        guard let path = ListenAddress.socketPath(from) else {
            throw .readerAddress(Sanitizer.singleLine(from, limit: 200))
        }
        return path
    }

    private func origin(_ configuration: AgentConfiguration) -> AgentService.Origin {
        guard let path = configuration.from else { return .local }
        return .reader(
            path: path, services: configuration.evidence.services.map(\.name), host: configuration.evidence.host)
    }
}
