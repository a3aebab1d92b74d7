import Foundation
import Shared
import Support
import Testing

@testable import Drill
@testable import Transfer
@testable import Verdict

/// The drill with real servers and requests, on some of its cases. The end-to-end tests run all of them.
@Suite(.timeLimit(.minutes(5)))
struct DrillRunTests {
    private static func cases(_ names: String...) -> [DrillCase] { DrillCase.all.filter { names.contains($0.name) } }

    @Test("Faults are caught, a healthy fleet is green, and no file is left behind")
    func caught() async throws {
        let folder = try TemporaryFolder()
        let cases = Self.cases("fine", "straggler", "wrong-digest", "refused", "shrunk", "superseded", "empty")
        let table = try await Drill(cases: cases, temporaryFolder: folder.path).run()
        #expect(table.rows.map(\.drillCase.name) == cases.map(\.name))
        #expect(table.misjudged.isEmpty, "\(table.text(isVerbose: true))")
        #expect(try folder.names().isEmpty)
    }

    @Test("A result other than the expected one is misjudged")
    func uncaught() async throws {
        let folder = try TemporaryFolder()
        let cases = [
            DrillCase(
                name: "passes", fault: "none, so there is nothing to catch", hosts: DrillHost.fine(1),
                policy: Policy(timeout: .seconds(60), interval: .milliseconds(50), soak: .milliseconds(100)),
                expectation: DrillExpectation(.stragglers, .straggler)),
            DrillCase(
                name: "red", fault: "a wrong digest", hosts: [.stating("host-1", DrillStatement(.rebuilt))],
                policy: Policy(timeout: .seconds(60), interval: .milliseconds(50), soak: .milliseconds(100)),
                expectation: DrillExpectation(.converged, .converged)),
        ]
        let table = try await Drill(cases: cases, temporaryFolder: folder.path, width: 1).run()
        #expect(table.misjudged == ["passes", "red"])
        #expect(table.text().contains("the gate let it pass"))
        #expect(table.text().contains("red although nothing is wrong"))
    }

    @Test("Without a usable address, the drill ends with 69 and one line")
    func noLoopback() async throws {
        let folder = try TemporaryFolder()
        // Reserved for documentation (RFC 5737): no interface has it.
        let drill = Drill(cases: Self.cases("fine"), address: "192.0.2.1", temporaryFolder: folder.path)
        let error = await #expect(throws: DrillError.self) { try await drill.run() }
        #expect(error?.exitCode == 69)
        #expect(error?.description.contains("192.0.2.1") == true)
        #expect(try folder.names().isEmpty)
    }

    @Test("Without a usable temporary folder, the drill ends with 69 and one line")
    func noFolder() async throws {
        let drill = Drill(cases: Self.cases("fine"), temporaryFolder: "/proc/nowhere")
        let error = await #expect(throws: DrillError.self) { try await drill.run() }
        #expect(error?.exitCode == 69)
        #expect(error?.description.contains("/proc/nowhere") == true)
    }

    @Test("Errors have the documented exit codes")
    func errors() {
        #expect(DrillError.misjudged(["straggler"], of: 29).exitCode == 1)
        #expect(!Verdict.allCases.map(\.exitCode).contains(1))
        #expect(DrillError.interrupted(signal: 2).exitCode == 130)
        #expect(DrillError.interrupted(signal: 15).exitCode == 143)
        #expect(DrillError.misjudged(["straggler", "paused"], of: 29).description.contains("straggler, paused"))
    }

    @Test(
        "As many cases run at once as open files allow, and at least one", arguments: [0, 64, 128, 256, 1_024, 20_000])
    func width(_ openFiles: Int) {
        let width = Drill.width(openFiles: openFiles)
        #expect(width >= 1)
        let multis = TransferLimits(openFiles: openFiles).multiHandles
        #expect(width == 1 || width * (2 * multis + 20) + TransferLimits.reservedDescriptors <= openFiles)
    }

    @Test("The temporary folder is TMPDIR if it is an absolute path")
    func standardParent() {
        #expect(DrillFolder.standardParent(environment: ["TMPDIR": "/var/tmp"]) == "/var/tmp")
        #expect(DrillFolder.standardParent(environment: ["TMPDIR": "tmp"]) == "/tmp")
        #expect(DrillFolder.standardParent(environment: [:]) == "/tmp")
    }

    @Test("The progress fits one line of the terminal")
    func progress() {
        let line = DrillProgress.line(
            3, 29, ["straggler", "stalled", "refused"], elapsed: .milliseconds(1_240), columns: 60)
        #expect(line.hasPrefix("drill  1.2s  3 of 29 fleets judged; now: straggler"))
        #expect(line.count < 60)
        #expect(!DrillProgress.line(3, 29, ["a"], elapsed: .zero, columns: 80).hasSuffix("…"))
    }
}
