import AgentCore
import ArgumentParser
import Logging
import Shared

/// Flags that every command takes: what to look at, as which host, and how to log.
struct SourceOptions: ParsableArguments {
    /// Taken up before flags are parsed: see ``MergedArguments``.
    @Option(
        help: ArgumentHelp(
            "Configuration file; flags and environment win over it. Default: \(ConfigurationSource.standardPath), if it exists. Its keys: buildinfo-agent check --keys.",
            valueName: "path"))
    var config: String?

    @Option(
        name: .customLong("service"),
        help: ArgumentHelp(
            "What to report; repeatable. SELECTOR is compose:[PROJECT/]SERVICE, swarm:SERVICE, container:NAME, label:KEY=VALUE, image:REPOSITORY or file:PATH. With ',instances=N' behind it, fewer than N instances are not serving.",
            valueName: "name=selector[,instances=n]"))
    var services: [String] = []

    @Option(
        name: .customLong("engine"),
        help: ArgumentHelp(
            "The engine: unix:///PATH, or tcp://HOST:PORT with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH; repeatable. Default: DOCKER_HOST, else CONTAINER_HOST, else the first socket of /run/docker.sock, $XDG_RUNTIME_DIR/docker.sock, /run/podman/podman.sock and $XDG_RUNTIME_DIR/podman/podman.sock.",
            valueName: "address"))
    var engines: [String] = []

    @Flag(help: "Permit engines over plain TCP beyond loopback, as behind a socket proxy in a network of its own.")
    var allowPlainEngine = false

    @Option(
        name: .customLong("probe"),
        help: ArgumentHelp(
            "Where the service NAME itself says what it serves; repeatable. http:// on loopback, or unix:/SOCKET:/PATH. A service that does not answer is not serving.",
            valueName: "name=url"))
    var probes: [String] = []

    @Option(name: .customLong("host-id"), help: ArgumentHelp("Default: derived from the machine id.", valueName: "id"))
    var hostID: String?

    @Option(name: .customLong("host-name"), help: ArgumentHelp("Default: the host's name.", valueName: "name"))
    var hostName: String?

    @Option(
        name: .customLong("log-level"),
        help: ArgumentHelp("trace, debug, info, notice, warning, error or critical.", valueName: "level"))
    var logLevel = "info"

    @Option(name: .customLong("log-format"), help: ArgumentHelp("text or json.", valueName: "format"))
    var logFormat = "text"

    /// The environment variables that stand in for these flags.
    static let environmentFlags: [EnvironmentArguments.Flag] = [
        ConfigurationSource.flag, .init("--service", .values), .init("--engine", .values),
        .init("--allow-plain-engine", .switchOn), .init("--probe", .values),
        .init("--host-id"),
        .init("--host-name"),
        .init("--log-level"), .init("--log-format"),
    ]

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

    /// - Parameter mayBeNone: somebody else knows which services there are.
    func evidenceConfiguration(
        environment: [String: String], mayBeNone: Bool = false
    ) throws(AgentError) -> SourceConfiguration {
        let services = try ServiceDeclaration.all(parsing: services, probes: probes, mayBeNone: mayBeNone)
        // Who asks no engine must not fail by what the environment says of one.
        let asksEngines = !mayBeNone && services.contains { $0.selector.filePath == nil }
        return SourceConfiguration(
            services: services,
            engines: try EngineSockets(
                parsing: engines, environment: asksEngines ? environment : [:], allowsPlain: allowPlainEngine),
            host: try MachineIdentity.system.host(id: hostID, name: hostName))
    }
}
