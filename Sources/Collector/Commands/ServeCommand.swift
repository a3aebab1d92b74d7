import ArgumentParser
import CollectorSupport
import Service
import Shared

/// `serve`: the collector as a service.
struct ServeCommand: CollectorCommand {
    static let environmentFlags: [EnvironmentArguments.Flag] = [.init("--config")] + LogOptions.environmentFlags

    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Check fleets continuously, run verifications, and serve an API and metrics, until SIGTERM",
        discussion: """
            Asks the hosts of every configured fleet at its interval, and compares them with the ledger's last promotion. \
            Verifications are started through the API. SIGHUP reloads the configuration; an invalid one is rejected, and the \
            former stays in force.
            """)

    @Option(
        help: ArgumentHelp("The configuration: a YAML file, or a folder of *.yaml files.", valueName: "path"))
    var config: String

    @Flag(help: "Check the configuration and what it names, and exit with 0, or with 64 if there is a mistake.")
    var check = false

    @OptionGroup(title: "Logs") var logs: LogOptions

    func run() async throws {
        do {
            if check {
                _ = try await ServiceSetup(
                    try ServiceConfiguration.read(config), environment: ProcessEnvironment.current)
                Terminal.standardOutput.write("the configuration is valid\n")
            } else {
                try await CollectorService(
                    configuration: config, environment: ProcessEnvironment.current, logger: logs.logger
                ).run()
            }
        } catch let error as ConfigurationError {
            for problem in error.problems { Terminal.standardError.write("buildinfo-collector: \(problem)\n") }
            throw ExitCode(error.exitStatus)
        }
    }
}
