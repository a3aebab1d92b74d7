import ArgumentParser
import CollectorSupport
import Drill
import Shared

/// `drill`: proves that the gate can go red.
struct DrillCommand: CollectorCommand {
    static let environmentFlags: [EnvironmentArguments.Flag] = []
    static let configuration = CommandConfiguration(
        commandName: "drill",
        abstract: "Prove that the gate can go red: verify simulated fleets with known faults",
        discussion: """
            Every fault must lead to its own verdict, and a healthy fleet must be green. The drill uses loopback and a \
            temporary folder only: it contacts no host, and touches no ledger and no report. \
            Exits with 0, with 1 if a fleet got the wrong verdict, and with 69 without loopback.

            --serve tries another check: it serves one of the fleets until interrupted, and prints where its inventory is, \
            what was promoted, and the verdict that is right.
            """)

    enum Format: String, CaseIterable, ExpressibleByArgument { case text, json }

    @Option(help: "Output format: text or json.")
    var format = Format.text

    @Flag(help: "Show the reason for every verdict.")
    var verbose = false

    @Flag(help: "List the simulated fleets.")
    var list = false

    @Option(help: ArgumentHelp("Serve this simulated fleet instead of verifying all.", valueName: "name"))
    var serve: String?

    func validate() throws {
        if list, serve != nil { throw ValidationError("--list and --serve exclude each other: pass one of them") }
    }

    func run() async throws {
        let environment = ProcessEnvironment.current
        if list {
            Terminal.standardOutput.write(ServedFleet.listing)
            return
        }
        if let serve {
            let fleet = try ServedFleet(
                named: serve, temporaryFolder: DrillFolder.standardParent(environment: environment))
            try await fleet.run { Terminal.standardOutput.write($0) }
            return
        }
        let drill = Drill(
            temporaryFolder: DrillFolder.standardParent(environment: environment),
            progress: DrillProgress(on: .standardError, environment: environment))
        let table = try await drill.run()
        Terminal.standardOutput.write(
            format == .json ? try table.json() : table.text(isVerbose: verbose, Terminal.standardOutput.layout))
        if let failure = table.failure { throw failure }
    }
}
