import AgentCore
import ArgumentParser
import Shared

/// `buildinfo-agent check`.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract:
            "Check the configuration and its sources, or the reader (exit code: 0 fine, 64 configuration invalid, 69 source unreadable)",
        // The generated usage would include `serve`, whose flags these are.
        usage: "buildinfo-agent check [<options>]")

    @Flag(help: "Print every key of the configuration file and exit.")
    var keys = false

    @Flag(help: "Validate the configuration only; do not contact engines, readers or services.")
    var noSources = false

    @OptionGroup var serve: ServeCommand

    func run() async throws {
        let console = Console.current
        if keys { return console.output(ConfigurationKeysPage.text) }
        let configuration = try serve.configuration(environment: console.environment)
        let access = AccessChecks(
            configuration, files: serve.accessFiles, credentials: CredentialFolders(environment: console.environment),
            places: try ConfigurationLocations(commandLine: console.arguments, environment: console.environment))
        var result = CheckResult(configuration: configuration, access: access)
        if !noSources { try await askSources(configuration, &result) }
        console.output(result.text)
        if result.status != .success { throw ExitCode(result.status) }
    }

    /// Asks the sources that `serve` would ask: the reader with `--from`, else engines, files and probed services.
    private func askSources(_ configuration: AgentConfiguration, _ result: inout CheckResult) async throws {
        if let reader = configuration.from {
            let outcome = try await OneSnapshot(path: reader, clock: .system, log: configuration.log).contents()
            if case .success(let contents) = outcome { result.contents = contents }
            result.sources = [.reader(reader, outcome)]
        } else {
            let observation = OneShotObservation(
                configuration: configuration.evidence, clock: .system, log: configuration.log)
            result.contents = try await observation.contents()
            let hasNoMatch = result.contents.contains { $0.state == .absent && $0.leftOut.isEmpty }
            result.sources = try await EngineInfo.engines(configuration.evidence, listing: hasNoMatch)
        }
    }
}
