import ArgumentParser
import Shared

/// `buildinfo-agent check`.
struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Check configuration, engines, files and probes. Exits 0 fine, 64 configuration, 69 source unreadable.")

    @Flag(help: "Print every key of the configuration file, and check nothing.")
    var keys = false

    @Flag(help: "Check the configuration alone: ask no engine, reader or service, and read no file of one.")
    var noSources = false

    @OptionGroup var serve: Serve

    func run() async throws {
        let console = Console.current
        if keys { return console.output(ConfigurationKeysPage.text) }
        let configuration = try serve.configuration(environment: console.environment)
        let access = AccessChecks(
            configuration, files: serve.accessFiles, credentials: console.environment["CREDENTIALS_DIRECTORY"])
        var result = CheckResult(configuration: configuration, access: access)
        if !noSources {
            let look = OneLook(configuration: configuration.evidence, clock: .system, log: configuration.log)
            result.contents = try await look.contents()
            result.greetings = try await SourceGreeting.all(configuration)
        }
        console.output(result.text)
        if result.exitCode != 0 { throw ExitCode(result.exitCode) }
    }
}
