import Foundation
import Glibc
import Support
import Testing

@testable import EndToEndFixtures

@Suite("End to end: the final table, and live progress on a terminal", .timeLimit(.minutes(5)))
struct TerminalRunTests {
    /// `verify` of one scripted host that serves the target.
    private static func verify(
        _ flags: String, environment: [String: String] = [:]
    ) async throws -> RunningProgram.Outcome {
        let folder = try TemporaryFolder()
        let hosts = try await ScriptedHost.start { _ in .json(#"{"git_sha":"\#(Commit.new)"}"#) }
        let bash = try Program.installed("bash", remedy: "apt-get install bash")
        let outcome = try await bash.run(
            [
                "-c",
                "cd '\(folder.path)' && '\(try Program.collector().path)' verify --service canvas "
                    + "--host '\(hosts.url())' --sha \(Commit.new) --timeout 15s --soak 500ms --interval 200ms --store none \(flags)",
            ], environment: ["HOME": folder.path].merging(environment) { $1 })
        await hosts.stop()
        return outcome
    }

    private static let streamTable: [(flags: String, inOutput: Int, inError: Int)] = [
        ("", 1, 0), ("--progress none", 1, 0), ("--progress plain", 1, 0),
        // Not twice.
        ("--report text=-", 1, 0), ("--report text=- --progress none", 1, 0), ("--report text=report.txt", 1, 0),
        // Standard output is the report's alone, so the table is beside the progress.
        ("--report json=-", 0, 1), ("--report evidence=-", 0, 1), ("--report json=- --progress none", 0, 0),
        ("--report json=/dev/null", 1, 0),
    ]

    @Test("The final table is on standard output once, and progress is on standard error", arguments: streamTable)
    func streams(_ call: (flags: String, inOutput: Int, inError: Int)) async throws {
        let outcome = try await Self.verify(call.flags)
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        func tables(_ text: String) -> Int { text.components(separatedBy: "WHAT TO KNOW").count - 1 }
        #expect(tables(outcome.output) == call.inOutput, "\(outcome.output)")
        #expect(tables(outcome.error) == call.inError, "\(outcome.error)")
        if call.flags.contains("--progress none") { #expect(outcome.error.isEmpty, "\(outcome.error)") }
        if call.flags.contains("json=-") {
            #expect(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) is [String: Any])
        }
    }

    /// A live verification of 30 hosts on a terminal, none of which is done before it is stopped.
    private final class Live {
        let end: PseudoTerminal
        let program: RunningProgram
        private let hosts: ScriptedHost
        private let folder: TemporaryFolder
        private var shown: TerminalScreen
        private(set) var written = ""

        /// - Parameter isTyped: true to type the command into an interactive shell.
        init(columns: Int, rows: Int, environment: [String: String] = [:], isTyped: Bool = false) async throws {
            end = try PseudoTerminal(columns: columns, rows: rows)
            shown = TerminalScreen(columns: columns, rows: rows)
            folder = try TemporaryFolder()
            hosts = try await ScriptedHost.start { _ in .json(#"{"git_sha":"\#(Commit.old)"}"#) }
            let url = hosts.url()
            let fleet = try folder.write(
                "fleet.yaml",
                "service: canvas\nhosts:\n"
                    + (10..<40).map { "  - {name: canvas-\($0), url: \"\(url)\"}\n" }.joined())
            let bash = try Program.installed("bash", remedy: "apt-get install bash")
            let verify =
                "'\(try Program.collector().path)' verify --fleet '\(fleet)' --sha \(Commit.new) --timeout 60s --store none"
            let path = try end.path
            program = try bash.start(
                [
                    "-c",
                    isTyped
                        ? "exec setsid --ctty --wait bash --norc --noprofile -i < \(path) > \(path) 2>&1"
                        : "exec \(verify) > \(path) 2>&1",
                ],
                environment: ["HOME": folder.path, "TERM": "xterm-256color"].merging(environment) { $1 })
            if isTyped { end.type("PS1='ready> '\n\(verify)\n") }
        }

        var screen: TerminalScreen {
            let text = end.read()
            written += text
            shown.show(text)
            return shown
        }

        func resize(columns: Int, rows: Int) {
            _ = screen
            end.resize(columns: columns, rows: rows)
            shown.resize(columns: columns, rows: rows)
        }

        func shows(_ text: String) async throws {
            try await eventually("the screen shows '\(text)'", detail: { "\n\(screen.text)" }) {
                screen.text.contains { $0.contains(text) }
            }
        }

        func finish() async throws -> Int32 {
            let code = try await program.wait().exitCode
            await hosts.stop()
            _ = screen
            return code
        }
    }

    @Test("Live progress leaves no line of an earlier frame when the terminal is resized")
    func resized() async throws {
        let live = try await Live(columns: 80, rows: 24)
        try await live.shows("30 hosts")
        for (columns, rows) in [(40, 24), (100, 30), (30, 12), (20, 8), (80, 24)] {
            live.resize(columns: columns, rows: rows)
            let before = live.written.count
            try await eventually("it is drawn again", detail: { "\(live.screen.text)" }) {
                _ = live.screen
                return live.written.count > before
            }
            let text = live.screen.text
            #expect(text.count { $0.hasPrefix("canvas") } == 1, "\(columns)x\(rows): \(text)")
            #expect(text.count { $0.contains("0/30") } == 1, "\(columns)x\(rows): \(text)")
            #expect(text.count <= rows)
        }
        live.program.signal(SIGINT)
        #expect(try await live.finish() == 130)
        let text = live.screen.text
        #expect(!text.contains { $0.contains("0/30") }, "\(text)")
        #expect(text.count { $0.hasPrefix("HOST") } == 1, "\(text)")
        #expect(text.count { $0.hasPrefix("canvas-") } == 30, "\(text)")
        #expect(text.allSatisfy { $0.count <= 80 })
    }

    @Test(
        "The cursor is hidden while progress is live, and shown again however the program ends",
        arguments: [
            (SIGINT, 130), (SIGTERM, 143), (SIGHUP, 129), (SIGUSR1, 138),
        ] as [(Int32, Int32)])
    func cursor(_ signal: Int32, _ code: Int32) async throws {
        let live = try await Live(columns: 80, rows: 24)
        try await live.shows("30 hosts")
        #expect(!live.screen.isCursorVisible)
        live.program.signal(signal)
        #expect(try await live.finish() == code)
        #expect(live.screen.isCursorVisible)
    }

    @Test("Ctrl-Z shows the cursor, and after fg progress continues below the shell's output")
    func stopped() async throws {
        let live = try await Live(columns: 200, rows: 30, isTyped: true)
        try await live.shows("30 hosts")
        #expect(!live.screen.isCursorVisible)
        live.end.type("\u{1A}")
        try await live.shows("Stopped")
        #expect(live.screen.isCursorVisible)
        live.end.type("fg\n")
        try await eventually("it is drawn again", detail: { "\(live.screen.text)" }) {
            !live.screen.isCursorVisible && live.screen.text.count { $0.contains("0/30") } == 2
        }
        // The shell's output is not overwritten.
        #expect(live.screen.text.contains { $0.contains("Stopped") }, "\(live.screen.text)")
        live.end.type("\u{3}")
        try await live.shows("interrupted by SIGINT")
        #expect(live.screen.isCursorVisible)
        #expect(live.screen.text.count { $0.contains("0/30") } == 1, "\(live.screen.text)")
        live.end.type("exit\n")
        _ = try await live.finish()
    }

    @Test(
        "A terminal that is full when the program is stopped or ended by a signal shows the cursor",
        arguments: [true, false])
    func full(isStopped: Bool) async throws {
        let live = try await Live(columns: 200, rows: 30, isTyped: isStopped)
        try await live.shows("30 hosts")
        try live.end.fill()
        if isStopped { live.end.type("\u{1A}") } else { live.program.signal(SIGUSR1) }
        // Not a suspension: among busy tests it can last longer than the program waits for its terminal.
        usleep(50_000)
        _ = live.screen
        if isStopped { try await live.shows("Stopped") }
        try await eventually("the cursor is visible", detail: { "\(live.screen.text)" }) { live.screen.isCursorVisible }
        // An interactive shell asks twice while a job is stopped.
        if isStopped { live.end.type("kill -9 %1\nexit\nexit\n") }
        _ = try await live.finish()
    }

    @Test("In a locale without UTF-8 a terminal gets nothing but ASCII", arguments: ["C", "POSIX", ""])
    func ascii(_ locale: String) async throws {
        let live = try await Live(columns: 80, rows: 24, environment: ["LC_ALL": locale, "LANG": locale])
        try await live.shows("....  0/30")
        live.program.signal(SIGTERM)
        #expect(try await live.finish() == 143)
        #expect(live.written.utf8.allSatisfy { $0 < 0x80 })
    }
}
