import AgentCore
import ArgumentParser
import Logging
import Shared

/// Flags of all commands: services, engines, host identity and logs.
struct SourceOptions: ParsableArguments {
    /// Read before the flags are parsed; see ``MergedArguments``.
    @Option(
        help: ArgumentHelp(
            "Configuration file; flags and environment take precedence. Default: \(ConfigurationSource.standardPath), if it exists. For its keys, run buildinfo-agent check --keys.",
            valueName: "path"))
    var config: String?

    @Option(
        name: .customLong("service"),
        help: ArgumentHelp(
            "Service to report; repeatable. SELECTOR is compose:[PROJECT/]SERVICE, swarm:SERVICE, container:NAME, label:KEY=VALUE, image:REPOSITORY or file:PATH. With ',instances=N', fewer than N instances are not serving.",
            valueName: "name=selector[,instances=n]"))
    var services: [String] = []

    @OptionGroup var engine: EngineOptions

    @Option(
        name: .customLong("probe"),
        help: ArgumentHelp(
            "URL at which the service NAME itself reports its commit; repeatable. http:// on loopback, or unix:/SOCKET:/PATH. A service that does not answer is not serving.",
            valueName: "name=url"))
    var probes: [String] = []

    @Option(
        name: .customLong("host-id"),
        help: ArgumentHelp("Host id. Default: derived from the machine id.", valueName: "id"))
    var hostID: String?

    @Option(
        name: .customLong("host-name"),
        help: ArgumentHelp("Host name. Default: the machine's host name.", valueName: "name"))
    var hostName: String?

    @Option(
        name: .customLong("log-level"),
        help: ArgumentHelp(
            "Minimum log level: trace, debug, info, notice, warning, error or critical.", valueName: "level"))
    var logLevel = "info"

    @Option(name: .customLong("log-format"), help: ArgumentHelp("Log format: text or json.", valueName: "format"))
    var logFormat = "text"

    /// The flags that the environment can set.
    static let environmentFlags: [EnvironmentArguments.Flag] =
        [
            ConfigurationSource.flag, .init("--service", .values), .init("--probe", .values), .init("--host-id"),
            .init("--host-name"),
            .init("--log-level"), .init("--log-format"),
        ] + EngineOptions.environmentFlags

    func parsedLogLevel() throws(AgentError) -> Logger.Level {
        guard let level = Logger.Level(rawValue: logLevel) else {
            throw .logLevel(Sanitizer.singleLine(logLevel, limit: 80))
        }
        return level
    }

    func parsedLogFormat() throws(AgentError) -> LogLine.Format {
        guard let format = LogLine.Format(rawValue: logFormat) else {
            throw .logFormat(Sanitizer.singleLine(logFormat, limit: 80))
        }
        return format
    }

    func log() throws(AgentError) -> StandardErrorLog {
        StandardErrorLog(format: try parsedLogFormat(), clock: .system, logLevel: try parsedLogLevel())
    }

    /// - Parameter mayBeNone: true if a reader provides the services.
    func evidenceConfiguration(
        environment: [String: String], mayBeNone: Bool = false
    ) throws(AgentError) -> SourceConfiguration {
        let services = try ServiceDeclaration.all(parsing: services, probes: probes, mayBeNone: mayBeNone)
        // Without a service on an engine, the environment's engine is irrelevant, and need not be valid.
        let asksEngines = !mayBeNone && services.contains { $0.selector.filePath == nil }
        return SourceConfiguration(
            services: services,
            engines: try engine.sockets(environment: asksEngines ? environment : [:]),
            host: try MachineIdentity.system.host(id: hostID, name: hostName))
    }
}

/// Flags for the engines to observe.
struct EngineOptions: ParsableArguments {
    @Option(
        name: .customLong("engine"),
        help: ArgumentHelp(
            "Engine: unix:///PATH, or tcp://HOST:PORT with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH; repeatable. Default: DOCKER_HOST, else CONTAINER_HOST, else the first socket of /run/docker.sock, $XDG_RUNTIME_DIR/docker.sock, /run/podman/podman.sock and $XDG_RUNTIME_DIR/podman/podman.sock.",
            valueName: "address"))
    var engines: [String] = []

    @Flag(help: "Permit engines over plain TCP beyond loopback, for example to a socket proxy in a private network.")
    var allowPlainEngine = false

    static let environmentFlags: [EnvironmentArguments.Flag] = [
        .init("--engine", .values), .init("--allow-plain-engine", .switchOn),
    ]

    func sockets(environment: [String: String]) throws(AgentError) -> EngineSockets {
        try EngineSockets(parsing: engines, environment: environment, allowsPlain: allowPlainEngine)
    }
}
