import ArgumentParser
import FoundationEssentials
import Glibc
import Shared

/// The program that reports what this host serves.
@main
struct Agent: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "buildinfo-agent", abstract: "Report what this host serves, from evidence rather than intent",
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

    /// Runs a command line and returns its exit code, which is decided here alone.
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

    /// Writes requested help and versions to standard output, and anything else as one line to standard error.
    private static func report(_ error: any Error, _ console: Console) -> Int32 {
        let code = exitCode(for: error)
        if code.isSuccess {
            console.output(fullMessage(for: error) + "\n")
            return ExitStatus.success.rawValue
        }
        let isUsage = code == .validationFailure
        console.error("buildinfo-agent: \(Sanitizer.singleLine(message(for: error)))\(isUsage ? "; see --help" : "")\n")
        return (isUsage ? ExitStatus.usage : .failure).rawValue
    }
}

extension ExitCode {
    init(_ status: ExitStatus) { self.init(status.rawValue) }
}
