import AgentCore
import ArgumentParser
import Shared

/// `buildinfo-agent check`.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract:
            "Check configuration, engines, files and probes, or the reader (--from). Exits 0 fine, 64 configuration, 69 source unreadable.",
        // The generated one has `serve` in it, whose flags these are, too.
        usage: "buildinfo-agent check [<options>]")

    @Flag(help: "Print every key of the configuration file, and check nothing.")
    var keys = false

    @Flag(help: "Check the configuration alone: ask no engine, reader or service, and read no file of one.")
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
        if !noSources { try await ask(configuration, &result) }
        console.output(result.text)
        if result.exitCode != 0 { throw ExitCode(result.exitCode) }
    }

    /// Asks whom the agent would ask: a front its reader, and nobody else.
    private func ask(_ configuration: AgentConfiguration, _ result: inout CheckResult) async throws {
        if let reader = configuration.from {
            let outcome = try await OneSnapshot(path: reader, clock: .system, log: configuration.log).contents()
            if case .success(let contents) = outcome { result.contents = contents }
            result.greetings = [.reader(reader, outcome)]
        } else {
            let look = OneShotObservation(configuration: configuration.evidence, clock: .system, log: configuration.log)
            result.contents = try await look.contents()
            let isMatchless = result.contents.contains { $0.state == .absent && $0.leftOut.isEmpty }
            result.greetings = try await EngineInfo.engines(configuration.evidence, listing: isMatchless)
        }
    }
}
