import ArgumentParser
import Shared

/// `buildinfo-agent print`.
struct PrintCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "print",
        abstract: "Print the first service's document once (exit code: 0 serving, 1 not serving, 69 source unreadable)")

    @OptionGroup var source: SourceOptions

    static let environmentFlags = SourceOptions.environmentFlags

    func run() async throws {
        let console = Console.current
        let log = try source.log()
        var configuration = try source.evidenceConfiguration(environment: console.environment)
        configuration.services = Array(configuration.services.prefix(1))
        let (text, state) = try await OneShotObservation(configuration: configuration, clock: .system, log: log)
            .document()
        console.output(text + "\n")
        switch state {
        case .serving: return
        case .unknown: throw ExitCode(ExitStatus.unavailable)
        case .starting, .unhealthy, .paused, .restarting, .exited, .absent: throw ExitCode(ExitStatus.failure)
        }
    }
}
