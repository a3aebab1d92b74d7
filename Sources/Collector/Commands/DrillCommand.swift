import ArgumentParser
import CollectorSupport
import Drill
import Shared

/// Proves that the gate can go red.
struct DrillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drill",
        abstract: "Prove that the gate can go red: verify simulated fleets with known faults.",
        discussion: """
            Every fault has to be caught with its own verdict, and a fleet that is fine has to be green. Everything \
            happens on loopback and in a temporary folder: no host is asked, and no ledger and no report is touched. \
            Exits 0, or 1 where the gate judged a fleet wrongly; 69 without loopback.
            """)

    enum Format: String, CaseIterable, ExpressibleByArgument { case text, json }

    @Option(help: "text or json.")
    var format = Format.text

    @Flag(help: "Show the gate's reason for every case.")
    var verbose = false

    func run() async throws {
        let environment = ProcessEnvironment.current
        let drill = Drill(
            temporaryFolder: DrillFolder.standardParent(environment: environment),
            progress: DrillProgress(on: .standardError, environment: environment))
        let table = try await drill.run()
        Terminal.standardOutput.write(
            format == .json ? try table.json() : table.text(isVerbose: verbose))
        if let failure = table.failure { throw failure }
    }
}
