import ArgumentParser
import FoundationEssentials
import Glibc
import Shared

/// The program that reports what this host serves.
@main
struct Agent: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "buildinfo-agent", abstract: "Report what this host serves, from evidence rather than intent",
        version: BuildinfoVersion.description,
        subcommands: [
            ServeCommand.self, ReadCommand.self, PrintCommand.self, CheckCommand.self, InitCommand.self,
        ],
        defaultSubcommand: ServeCommand.self)

    static func main() {
        var console = Console.current
        console.environment = ProcessInfo.processInfo.environment
        signal(SIGPIPE, SIG_IGN)
        ProcessSignals.shared.hold()
        Task.onTaskThread { [console] in
            Glibc.exit(await execute(Array(CommandLine.arguments.dropFirst()), console: console))
        }
        ProcessSignals.shared.deliver()
    }

    /// Runs a command line, and maps its result or error to an exit code.
    static func execute(_ arguments: [String], console: Console) async -> Int32 {
        var console = console
        console.arguments = arguments
        return await Console.$current.withValue(console) { [console] in
            do {
                if let word = unknownCommand(in: arguments) { throw AgentError.unknownCommand(word) }
                var command = try parseAsRoot(MergedArguments.all(arguments, environment: console.environment))
                if var asynchronous = command as? any AsyncParsableCommand {
                    try await asynchronous.run()
                } else {
                    try command.run()
                }
                return ExitStatus.success.rawValue
            } catch let code as ExitCode {
                return code.rawValue
            } catch let error as AgentError {
                console.error("buildinfo-agent: \(error)\n")
                return ExitStatus.usage.rawValue
            } catch let error as ConfigurationError {
                for line in error.lines { console.error("buildinfo-agent: \(line)\n") }
                return ExitStatus.usage.rawValue
            } catch {
                return report(error, console)
            }
        }
    }

    /// The names of the commands.
    static var commandNames: [String] { configuration.subcommands.map { $0._commandName } }

    /// The word in place of a command, of which the parser would only say that it is unexpected; nil if it is a command, or
    /// if the flags of the default command follow.
    private static func unknownCommand(in arguments: [String]) -> String? {
        let words = arguments.first == "help" ? arguments.dropFirst() : arguments[...]
        guard let word = words.first, !word.hasPrefix("-"), !commandNames.contains(word) else { return nil }
        return Sanitizer.singleLine(word, limit: 80)
    }

    /// Writes requested help and versions to standard output, and anything else as one line to standard error.
    private static func report(_ error: any Error, _ console: Console) -> Int32 {
        let code = exitCode(for: error)
        if code.isSuccess {
            console.output(fullMessage(for: error) + "\n")
            return ExitStatus.success.rawValue
        }
        let isUsage = code == .validationFailure
        let text = Sanitizer.singleLine(message(for: error))
        // The parser's own suggestion is remedy enough.
        console.error("buildinfo-agent: \(text)\(isUsage && !text.hasSuffix("?") ? "; see --help" : "")\n")
        return (isUsage ? ExitStatus.usage : .failure).rawValue
    }
}

extension ExitCode {
    init(_ status: ExitStatus) { self.init(status.rawValue) }
}
