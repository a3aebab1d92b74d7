import ArgumentParser
import Shared

/// One call of the program, from its arguments to its exit code: the one place where an exit code is decided.
struct Invocation {
    let arguments: [String]
    let environment: [String: String]

    func run() async -> Int32 {
        if let variable = EnvironmentArguments.emptied(among: flags, commandLine: arguments, environment: environment) {
            return fail("\(variable) is set to nothing: give it a value, or unset it", code: 64)
        }
        do {
            var command = try Collector.parseAsRoot(completed)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return 0
        } catch let code as ExitCode {
            return code.rawValue
        } catch let failure as any ExitCoded {
            return fail("\(failure)", code: failure.exitCode)
        } catch {
            return finish(error)
        }
    }

    /// What may come from the environment.
    private var flags: [EnvironmentArguments.Flag] {
        arguments.first { !$0.hasPrefix("-") }.map(EnvironmentFlags.of) ?? []
    }

    /// The arguments, and behind them what the environment says of flags that they do not name.
    private var completed: [String] {
        let additions = EnvironmentArguments.additions(for: flags, commandLine: arguments, environment: environment)
        let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
        return arguments[..<end] + additions + arguments[end...]
    }

    /// Help, version and usage errors of the parser; anything else is our own mistake.
    private func finish(_ error: any Error) -> Int32 {
        switch Collector.exitCode(for: error) {
        case .success:
            Terminal.standardOutput.write(Collector.fullMessage(for: error) + "\n")
            return 0
        case .validationFailure: return fail(Collector.message(for: error), code: 64)
        default: return fail("internal error: \(error)", code: 1)
        }
    }

    private func fail(_ message: String, code: Int32) -> Int32 {
        Terminal.standardError.write("buildinfo-collector: \(Hygiene.line(message, limit: 1_024))\n")
        if ["verify", "promote", "rollback", "wait-ci"].contains(arguments.first) {
            Pipeline(environment: environment)?.publish(failure: message)
        }
        return code
    }
}

/// An error that knows the exit code it ends the program with, and describes itself in one sentence.
protocol ExitCoded: Error, CustomStringConvertible {
    var exitCode: Int32 { get }
}

/// A mistake in what was asked for: exit code 64.
struct UsageError: ExitCoded {
    let description: String
    let exitCode: Int32 = 64

    init(_ description: String) {
        self.description = description
    }
}
