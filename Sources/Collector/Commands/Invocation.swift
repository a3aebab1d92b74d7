import ArgumentParser
import CollectorSupport
import Operations
import Reports
import Shared

/// A command of the collector, with the properties that ``Invocation`` needs before parsing.
protocol CollectorCommand: AsyncParsableCommand {
    /// The options that `BUILDINFO_` variables can set.
    static var environmentFlags: [EnvironmentArguments.Flag] { get }
    /// The options that permit or skip something, and so must be given on the command line. Their variables are
    /// rejected, because a user who sets one expects an effect.
    static var commandLineOnly: [EnvironmentArguments.Flag] { get }
    /// The name under which a pipeline shows the command's end; nil if it shows none.
    static var published: CommandEnd.Command? { get }
}

extension CollectorCommand {
    static var commandLineOnly: [EnvironmentArguments.Flag] { [] }
    static var published: CommandEnd.Command? { nil }
}

extension ExitCode {
    init(_ status: ExitStatus) { self.init(status.rawValue) }
}

/// One run of the program, from its arguments to its exit code.
struct Invocation {
    let arguments: [String]
    let environment: [String: String]

    func run() async -> Int32 {
        if command?.published != nil { Terminal.limitWaiting() }
        defer { Terminal.flush() }
        guard let code = await end() else { return ExitStatus.success.rawValue }
        // A command whose output was lost has not done its work.
        guard code == ExitStatus.success.rawValue, let reason = Terminal.outputFailure else { return code }
        report("could not write to standard output (\(reason)): the output is incomplete")
        if command?.published != nil { Pipeline(environment: environment)?.correct(exitCode: .unavailable) }
        return ExitStatus.unavailable.rawValue
    }

    /// - Returns: the exit code; nil after help and version, whose output may be cut off.
    private func end() async -> Int32? {
        if let variable = EnvironmentArguments.emptied(among: flags, commandLine: arguments, environment: environment) {
            return fail("\(variable) is set but empty: give it a value, or unset it", code: .usage)
        }
        if let flag = (command?.commandLineOnly ?? []).first(where: isSet) {
            return fail(
                "\(flag.variable) is set, but \(flag.name) is not read from the environment: give the option, or unset the "
                    + "variable", code: .usage)
        }
        for warning in EnvironmentMistakes(of: command, environment: environment).warnings {
            report("warning: \(warning)")
        }
        do {
            var command = try parsed()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return ExitStatus.success.rawValue
        } catch let code as ExitCode {
            return code.rawValue
        } catch let failure as PromotionFailure {
            report("\(failure)")
            publish(failure)
            return failure.exitCode
        } catch let failure as ReportWriteError {
            // The pipeline has the report.
            report("\(failure)")
            return failure.exitCode
        } catch let failure as any ExitCoded {
            return fail("\(failure)", code: failure.exitCode, error: failure)
        } catch {
            return finish(error)
        }
    }

    /// The command that the arguments name; nil without one, and for one that only groups others.
    private var command: (any CollectorCommand.Type)? {
        var command: any ParsableCommand.Type = Collector.self
        for word in arguments where !word.hasPrefix("-") {
            guard let next = command.configuration.subcommands.first(where: { $0._commandName == word }) else { break }
            command = next
        }
        return command as? any CollectorCommand.Type
    }

    private var flags: [EnvironmentArguments.Flag] { command?.environmentFlags ?? [] }

    /// True if the environment sets an option that the arguments do not.
    private func isSet(_ flag: EnvironmentArguments.Flag) -> Bool {
        let isNamed = arguments.prefix { $0 != "--" }.contains { $0 == flag.name || $0.hasPrefix(flag.name + "=") }
        return !isNamed && environment[flag.variable, default: ""].isEmpty == false
    }

    /// The command.
    ///
    /// - Throws: the mistake that was made, rather than its consequences.
    func parsed() throws -> any ParsableCommand {
        // The parser answers an unknown command with the general help, and success.
        if arguments.first == "help", let unknown = CommandLineMistakes()?.unknown(in: arguments) {
            throw UsageError(unknown)
        }
        do {
            return try Collector.parseAsRoot(completed)
        } catch {
            guard Collector.exitCode(for: error) == .validationFailure, let mistakes = CommandLineMistakes() else {
                throw error
            }
            if let unknown = mistakes.unknown(in: arguments) { throw UsageError(unknown) }
            let tied = mistakes.tied(completed)
            guard tied != completed else { throw error }
            return try Collector.parseAsRoot(tied)
        }
    }

    /// The arguments, completed from the environment.
    private var completed: [String] {
        let additions = EnvironmentArguments.additions(for: flags, commandLine: arguments, environment: environment)
        let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
        return arguments[..<end] + additions + arguments[end...]
    }

    /// Prints help and version, reports the parser's usage errors, and takes anything else for an internal error.
    private func finish(_ error: any Error) -> Int32? {
        switch Collector.exitCode(for: error) {
        case .success:
            Terminal.standardOutput.write(Collector.fullMessage(for: error) + "\n")
            return nil
        case .validationFailure: return fail(Collector.message(for: error), code: .usage)
        default:
            let message = "internal error: \(error)"
            report(message)
            publish(message, code: ExitStatus.failure.rawValue, isUnchanged: false)
            return ExitStatus.failure.rawValue
        }
    }

    private func fail(_ message: String, code: ExitStatus) -> Int32 { fail(message, code: code.rawValue) }

    /// Fails before the command has changed anything.
    private func fail(_ message: String, code: Int32, error: (any Error)? = nil) -> Int32 {
        report(message)
        publish(message, code: code, isUnchanged: true, error: error)
        return code
    }

    /// Shows the command's end to the pipeline.
    private func publish(_ message: String, code: Int32, isUnchanged: Bool, error: (any Error)? = nil) {
        guard let name = command?.published else { return }
        let movesTags = name == .promote || name == .rollback
        Pipeline(environment: environment)?.publish(
            CommandEnd(
                name, exitCode: code, message: message,
                unchanged: isUnchanged && movesTags ? "nothing was changed: no tag was written" : nil, error: error))
    }

    private func publish(_ failure: PromotionFailure) {
        guard let name = command?.published else { return }
        Pipeline(environment: environment)?.publish(CommandEnd(name, failure))
    }

    private func report(_ message: String) {
        let terminal = Terminal.standardError
        let lines = terminal.layout.wrapped("buildinfo-collector: \(Sanitizer.singleLine(message, limit: 1_024))")
        terminal.write(lines.map { "\($0)\n" }.joined())
    }
}
