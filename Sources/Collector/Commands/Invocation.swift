import ArgumentParser
import CollectorSupport
import Operations
import Reports
import Shared

/// One call of the program, from its arguments to its exit code: the one place where an exit code is decided.
struct Invocation {
    let arguments: [String]
    let environment: [String: String]

    func run() async -> Int32 {
        guard let code = await end() else { return 0 }
        // Whatever a command wrote: what was not written was not done.
        guard code == 0, let reason = Terminal.outputFailure else { return code }
        return fail("standard output cannot be written (\(reason)): what is there is not whole", code: 69)
    }

    /// - Returns: the exit code; nil after help and version, which nobody depends on.
    private func end() async -> Int32? {
        if let variable = EnvironmentArguments.emptied(among: flags, commandLine: arguments, environment: environment) {
            return fail("\(variable) is set to nothing: give it a value, or unset it", code: 64)
        }
        if let flag = EnvironmentFlags.flagOnly(of: verb).first(where: { isSet($0) }) {
            return fail(
                "\(flag.variable) is set, and \(flag.name) is never taken from the environment: give the flag, or unset the "
                    + "variable", code: 64)
        }
        do {
            var command = try parsed()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return 0
        } catch let code as ExitCode {
            return code.rawValue
        } catch let refusal as UnchangedTag {
            return refuse("\(refusal)", code: refusal.exitCode, said: refusal.message)
        } catch let failure as ReportWriteError {
            return fail("\(failure)", code: failure.exitCode)
        } catch let failure as any ExitCoded {
            return refuse("\(failure)", code: failure.exitCode)
        } catch {
            return finish(error)
        }
    }

    private var verb: String { arguments.first { !$0.hasPrefix("-") } ?? "" }

    /// What may come from the environment.
    private var flags: [EnvironmentArguments.Flag] { EnvironmentFlags.of(verb) }

    /// Whether the environment says something of a flag that the arguments do not name.
    private func isSet(_ flag: EnvironmentArguments.Flag) -> Bool {
        let isNamed = arguments.prefix { $0 != "--" }.contains { $0 == flag.name || $0.hasPrefix(flag.name + "=") }
        return !isNamed && environment[flag.variable, default: ""].isEmpty == false
    }

    /// The command, or else the mistake that was made rather than what it led to.
    func parsed() throws -> any ParsableCommand {
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

    /// The arguments, and behind them what the environment says of flags that they do not name.
    private var completed: [String] {
        let additions = EnvironmentArguments.additions(for: flags, commandLine: arguments, environment: environment)
        let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
        return arguments[..<end] + additions + arguments[end...]
    }

    /// Help, version and usage errors of the parser; anything else is our own mistake.
    private func finish(_ error: any Error) -> Int32? {
        switch Collector.exitCode(for: error) {
        case .success:
            Terminal.standardOutput.write(Collector.fullMessage(for: error) + "\n")
            return nil
        case .validationFailure: return refuse(Collector.message(for: error), code: 64)
        default: return fail("internal error: \(error)", code: 1)
        }
    }

    private func fail(_ message: String, code: Int32) -> Int32 {
        complain(message)
        if ["verify", "promote", "rollback", "wait-ci"].contains(arguments.first) {
            Pipeline(environment: environment)?.publish(failure: message)
        }
        return code
    }

    /// The same before anything came of a command: after a promotion that was refused, others may want to decide by it.
    ///
    /// - Parameter said: that the tag was certainly not moved; nil where nobody said so.
    private func refuse(_ message: String, code: Int32, said: String? = nil) -> Int32 {
        guard arguments.first == "promote", [40, 41, 64, 69].contains(code) else { return fail(message, code: code) }
        complain(message)
        // What is wrong with the order is found before the registry is asked for anything.
        let said = said ?? (code == 64 ? "nothing was changed: no tag was written" : nil)
        Pipeline(environment: environment)?.publish(
            .init(
                verdict: code == 40 ? "superseded" : "refused", exitCode: code, isUnchanged: said != nil,
                message: [message, said].compactMap(\.self).joined(separator: "; ")))
        return code
    }

    private func complain(_ message: String) {
        Terminal.standardError.write("buildinfo-collector: \(Sanitizer.singleLine(message, limit: 1_024))\n")
    }
}
