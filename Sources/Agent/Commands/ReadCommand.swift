import ArgumentParser
import Shared

/// `buildinfo-agent read`.
struct ReadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "read",
        abstract: "Observe engines and files for 'serve --from', and write the evidence to a unix socket, until SIGTERM"
    )

    /// The socket of the systemd unit.
    static let defaultAddress = "unix:/run/buildinfo-reader/reader.sock"

    @OptionGroup var source: SourceOptions

    @Option(
        help: ArgumentHelp(
            "Socket for servers to connect to: unix:/PATH; sockets inherited from systemd take precedence. Default: \(ReadCommand.defaultAddress).",
            valueName: "addr"))
    var listen = Self.defaultAddress

    static let environmentFlags = SourceOptions.environmentFlags + [.init("--listen")]

    func run() async throws {
        let console = Console.current
        let address = try ListenAddress(parsing: listen)
        if case .tcp = address { throw AgentError.readerOnNetwork("\(address)") }
        let service = ReaderService(
            configuration: {
                try AgentConfiguration.reread(flags: console.arguments, environment: console.environment)
            },
            listen: [address], manager: ServiceManager(environment: console.environment), log: try source.log())
        try await service.run()
    }
}
