import ArgumentParser
import CollectorSupport
import Shared
import Transfer

/// Checks the gate, re-points a tag by digest, reads it back, and verifies the fleet.
struct PromoteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "promote",
        abstract: "Check the gate, re-point a tag by digest, read it back, and verify the fleet.",
        discussion: """
            In this order: kill switch, CI, not superseded, registry, journal, PUT, read back, journal, verification. The \
            kill switch is read again right before the PUT. Exits as verify does; 40 where a newer build took over, 41 where \
            the gate refuses, 64 where the order or the image is wrong, 69 where something needed cannot be asked.
            """)

    @OptionGroup(title: "Promotion") var promotion: PromoteOptions
    @OptionGroup(title: "Kill switch") var killSwitch: KillSwitchOptions
    @OptionGroup(title: "CI") var ci: CIOptions
    @OptionGroup(title: "CI") var ciWait: CIWaitOptions
    @OptionGroup(title: "Forge") var forge: ForgeOptions
    @OptionGroup(title: "Forge") var branch: BranchOptions
    @OptionGroup(title: "Registry") var registry: RegistryOptions
    @OptionGroup(title: "Registry") var readback: ReadbackOptions
    @OptionGroup(title: "Fleet") var fleet: FleetOptions
    @OptionGroup(title: "Policy") var policy: PolicyOptions
    @OptionGroup(title: "Access") var access: AccessOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Logs") var logs: LogOptions

    func validate() throws {
        guard output.store != "none" else {
            throw ValidationError("promote keeps a journal in the ledger: name one with --store, or leave it out")
        }
        guard promotion.skipsVerification || !fleet.isEmpty else {
            throw ValidationError("no fleet to verify: give --fleet PATH or --host NAME, or say --no-verify")
        }
        guard promotion.skipsCI || !ci.contextLists.isEmpty else {
            throw ValidationError(
                "no context of CI is required: give --context NAME, as the forge shows it at the commit, or say --no-ci"
            )
        }
    }

    func run() async throws {
        let code = try await WebClient.with { web in
            try await PromoteSetup(command: self, environment: ProcessEnvironment.current, web: web).run()
        }
        throw ExitCode(code)
    }
}
