import ArgumentParser
import FoundationEssentials
import Glibc
import Shared

/// The program: says what this host serves, from evidence and not from intent.
@main
struct Agent: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "buildinfo-agent", abstract: "Says what this host serves, from evidence and not from intent.",
        version: BuildinfoVersion.current,
        subcommands: [ServeCommand.self, ReadCommand.self, PrintCommand.self, CheckCommand.self],
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

    /// Runs a command line and returns its exit code: the one place where that is decided.
    static func execute(_ arguments: [String], console: Console) async -> Int32 {
        var console = console
        console.arguments = arguments
        return await Console.$current.withValue(console) { [console] in
            do {
                var command = try parseAsRoot(MergedArguments.all(arguments, environment: console.environment))
                if var asynchronous = command as? any AsyncParsableCommand {
                    try await asynchronous.run()
                } else {
                    try command.run()
                }
                return ExitCode.success.rawValue
            } catch let code as ExitCode {
                return code.rawValue
            } catch let error as AgentError {
                console.error("buildinfo-agent: \(error)\n")
                return ExitCode.validationFailure.rawValue
            } catch let error as ConfigurationError {
                for line in error.lines { console.error("buildinfo-agent: \(line)\n") }
                return ExitCode.validationFailure.rawValue
            } catch {
                return report(error, console)
            }
        }
    }

    /// Help and version are asked for and go to standard output; anything else is one line on standard error.
    private static func report(_ error: any Error, _ console: Console) -> Int32 {
        let code = exitCode(for: error)
        if code.isSuccess {
            console.output(fullMessage(for: error) + "\n")
        } else {
            let remedy = code == .validationFailure ? "; see --help" : ""
            console.error("buildinfo-agent: \(Sanitizer.singleLine(message(for: error)))\(remedy)\n")
        }
        return code.rawValue
    }
}
