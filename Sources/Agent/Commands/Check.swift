import ArgumentParser
import Shared

/// `buildinfo-agent check`.
struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Check configuration, engines, files and probes. Exits 0 fine, 64 configuration, 69 source unreadable.")

    @Flag(help: "Print every key of the configuration file, and check nothing.")
    var keys = false

    @OptionGroup var serve: Serve

    func run() async throws {
        let console = Console.current
        if keys { return console.output(ConfigurationKeysPage.text) }
        let configuration = try serve.configuration(environment: console.environment)
        let look = OneLook(configuration: configuration.evidence, clock: .system, log: configuration.log)
        let result = CheckResult(
            configuration: configuration, contents: try await look.contents(),
            greetings: try await SourceGreeting.all(configuration),
            access: AccessChecks(configuration, files: serve.accessFiles))
        console.output(result.text)
        if result.exitCode != 0 { throw ExitCode(result.exitCode) }
    }
}
