import ArgumentParser
import CollectorSupport
import Glibc
import Shared

/// The `buildinfo-collector` program.
@main
struct Collector: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "buildinfo-collector",
        abstract: "Prove that a fleet serves the build that was promoted",
        discussion: """
            Exit codes: 0 converged; 1 internal error; 10 stragglers; 11 stalled; 20 failed deploy; 21 rolled back; \
            30 unreachable; 31 inconclusive; 40 superseded; 41 refused by the gate; 50 empty or shrunk inventory; 60 identity \
            conflict; 64 usage or configuration; 69 a required service is unavailable; 129, 130 and 143 interrupted.
            Options can also be set by environment variables: --fail-after by BUILDINFO_FAIL_AFTER.
            """,
        version: BuildinfoVersion.description,
        subcommands: [
            InitCommand.self, DoctorCommand.self, VerifyCommand.self, StatusCommand.self, HistoryCommand.self,
            ReportCommand.self, ReplayCommand.self,
            DrillCommand.self, ResolveCommand.self, WaitCICommand.self, PromoteCommand.self, RollbackCommand.self,
            LedgerCommand.self, ServeCommand.self,
        ]
    )

    static func main() async {
        StandardStreams.reserve()
        // write(2) reports a closed pipe and a file at its limit; the signal would end the program first.
        for number in [SIGPIPE, SIGXFSZ] { signal(number, SIG_IGN) }
        let code = await Invocation(
            arguments: Array(CommandLine.arguments.dropFirst()), environment: ProcessEnvironment.current
        ).run()
        Glibc.exit(code)
    }
}
