import ArgumentParser
import Shared

/// `buildinfo-agent read`.
struct ReadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "read",
        abstract: "Look, and write what is seen to a unix socket, for 'serve --from', until SIGTERM.")

    /// Where systemd's unit has it.
    static let defaultAddress = "unix:/run/buildinfo-reader/reader.sock"

    @OptionGroup var source: SourceOptions

    @Option(
        help: ArgumentHelp(
            "Where fronts connect: unix:/PATH; sockets inherited from systemd win. Default: \(ReadCommand.defaultAddress).",
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
