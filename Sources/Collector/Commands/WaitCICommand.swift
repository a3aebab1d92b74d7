import ArgumentParser
import CollectorSupport
import Foundation
import Gate
import Operations
import Reports
import Shared
import Transfer

/// `wait-ci`: waits until the required contexts of a commit are green.
struct WaitCICommand: CollectorCommand {
    static let environmentFlags =
        ForgeOptions.environmentFlags + CIOptions.environmentFlags + KillSwitchOptions.environmentFlags
        + [
            .init("--sha"), .init("--timeout"), .init("--interval"), .init("--progress"), .init("--json", .switchOn),
        ]
    static let commandLineOnly = CIOptions.commandLineOnly
    static let published: CommandEnd.Command? = .waitCI

    static let configuration = CommandConfiguration(
        commandName: "wait-ci",
        abstract: "Wait until the required CI contexts of a commit are green",
        discussion: """
            Exits with 0 when every context is 'success' in one reading: the newest run of every workflow, app or creator \
            that reports under its name. Exits with 41 as soon as one has ended otherwise, including skipped and cancelled, \
            or at the timeout; with 69 if the forge refuses or never answered.
            """)

    @OptionGroup(title: "Forge") var forge: ForgeOptions
    @OptionGroup(title: "CI") var ci: CIOptions
    @OptionGroup(title: "Kill switch") var killSwitch: KillSwitchOptions

    @Option(help: "The commit, in full. Default: $GITHUB_SHA.", transform: ArgumentText.gitSHA)
    var sha: GitSHA?

    @Option(help: "Maximum wait (default: 30m).", transform: ArgumentText.duration)
    var timeout = Duration.seconds(1_800)

    @Option(help: "How often to poll the forge (default: 15s).", transform: ArgumentText.duration)
    var interval = Duration.seconds(15)

    @Option(help: "Progress on standard error.")
    var progress = ProgressMode.auto

    @Flag(help: "Print the result as JSON to standard output.")
    var json = false

    func validate() throws {
        guard timeout > .zero else { throw ValidationError("invalid --timeout: expected a duration longer than zero") }
        guard interval >= .milliseconds(50) else { throw ValidationError("invalid --interval: expected at least 50ms") }
    }

    func run() async throws {
        let environment = ProcessEnvironment.current
        try await WebClient.with { try await run(environment: environment, web: $0) }
    }

    private func run(environment: [String: String], web: WebClient) async throws {
        let contexts = try ci.contexts()
        let allowedSkips = try ci.allowedSkips()
        let commit = try PipelineCommit.read(flag: sha, environment: environment)
        let asked = try forge.forge(environment: environment, web: web)
        // Waiting promotes nothing, so only a kill switch that is named holds it.
        let killSwitch = try killSwitch.killSwitch(promoting: nil, environment: environment, web: web) { asked }
        let interruption = SignalCancellation()
        let gate = CIWaiter(
            forge: asked, sha: commit, contexts: contexts, checkApp: ci.checkApp, allowedSkips: allowedSkips,
            timeout: timeout, interval: interval, interruption: interruption)
        let view = CIProgress(progress, on: .standardError, environment: environment, showsReporters: !json)
        let deadline = ContinuousClock.now + timeout
        try await killSwitch.requireOff(before: deadline)
        let result = await interruption.watching { await gate.wait { view.show($0) } }
        if json { try print(result) }
        try result.requireGreen()
        try await killSwitch.requireOff(before: max(deadline, .now + .seconds(10)))
        Pipeline(environment: environment)?.publish(
            CommandEnd(
                .waitCI, .green, exitCode: ExitStatus.success.rawValue, effect: .unchanged,
                message: "\(commit.short): \(result.reason)"))
    }

    private func print(_ result: CIResult) throws {
        Terminal.standardOutput.write(try JSONEncoder.prettyText(result))
    }
}
