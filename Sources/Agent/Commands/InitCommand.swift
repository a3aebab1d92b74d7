import AgentCore
import ArgumentParser
import Glibc
import Shared

/// `buildinfo-agent init`.
struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract:
            "Write a configuration file for the services that the engine runs (exit code: 0 written, 69 engine unreadable)",
        discussion: """
            The file goes to standard output, and a summary with the next steps to standard error. If no service runs, the file \
            is a template.
            """)

    @OptionGroup var engine: EngineOptions

    @Option(
        help: ArgumentHelp(
            "File to write instead of standard output, for example \(ConfigurationSource.standardPath). It must not exist.",
            valueName: "file"))
    var output: String?

    @Flag(help: "Replace the file of --output.")
    var force = false

    static let environmentFlags = EngineOptions.environmentFlags

    func validate() throws {
        guard output != "" else { throw ValidationError("invalid --output '': expected a path") }
        guard output != nil || !force else { throw ValidationError("--force replaces a file: name it with --output") }
    }

    func run() async throws {
        let console = Console.current
        let file = try output.map { path throws(AgentError) in try NewFile(path: path, replacingExisting: force) }
        let sockets = try engine.sockets(environment: console.environment)
        let survey: EngineSurvey
        do {
            survey = try await EngineSurvey.make(sockets)
        } catch let failure as EngineFailure {
            return try unavailable("\(failure)\(sockets.isDenied ? ", or run init as root" : "")", console)
        }
        let draft = ConfigurationDraft(
            survey: survey, namesEngines: !sockets.named.isEmpty || !sockets.isFirstDefault,
            allowsPlainEngine: engine.allowPlainEngine)
        let text = try draft.text()
        if let file {
            do throws(NewFile.WriteFailure) {
                try file.write(text)
            } catch {
                return try unavailable("\(error)", console)
            }
        } else {
            console.output(text)
        }
        console.error(InitSummary(survey: survey, file: output, otherSockets: sockets.unused).text)
    }

    private func unavailable(_ reason: String, _ console: Console) throws {
        console.error("buildinfo-agent: \(reason)\n")
        throw ExitCode(ExitStatus.unavailable)
    }
}
