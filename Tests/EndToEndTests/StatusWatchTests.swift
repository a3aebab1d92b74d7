import Foundation
import Glibc
import Support
import Synchronization
import Testing

@testable import EndToEndFixtures

/// `status --watch` on a terminal.
@Suite("End to end, a watched status on a terminal", .timeLimit(.minutes(5)))
struct StatusWatchTests {
    @Test(
        "40 hosts on 80 by 24: the worst are shown, the rest are counted, changes appear in place, and the last view stays"
    )
    func live() async throws {
        let end = try PseudoTerminal(columns: 80, rows: 24)
        var screen = TerminalScreen(columns: 80, rows: 24)
        let folder = try TemporaryFolder()
        let behind = Mutex(Set(["7", "21"]))
        let hosts = try await ScriptedHost.start { request in
            let number = String(request.path.dropFirst().prefix { $0 != "?" })
            if number == "33" { return .hang }
            return .json(
                #"{"git_sha":"\#(behind.withLock { $0.contains(number) } ? Commit.old : Commit.new)"}"#)
        }
        let lines = (0..<40).map { "  - {name: host-\($0), url: \"\(hosts.url("/\($0)"))\"}" }
        let fleet = try folder.write("fleet.yaml", "service: canvas\nhosts:\n\(lines.joined(separator: "\n"))\n")
        let bash = try Program.installed("bash", remedy: "apt-get install bash")
        let status =
            "'\(try Program.collector().path)' status --fleet '\(fleet)' --sha \(Commit.new) --store none --watch "
            + "--interval 500ms --request-timeout 1s --exit-code"
        let program = try bash.start(
            ["-c", "exec \(status) > '\(try end.path)' 2>&1"],
            environment: ["HOME": folder.path, "TERM": "xterm-256color", "LANG": "C.UTF-8"])
        var written = ""
        func shows(_ text: String) async throws {
            let deadline = ContinuousClock.now + .seconds(60)
            while !screen.text.joined(separator: "\n").contains(text), program.exitCode == nil,
                ContinuousClock.now < deadline
            {
                try await Task.sleep(for: .milliseconds(100))
                let new = end.read()
                written += new
                screen.show(new)
            }
            #expect(screen.text.joined(separator: "\n").contains(text), "\(screen.text) \(program.error)")
        }
        try await shows("on target now: 37 of 40 hosts, 1 no answer, 2 behind")
        #expect(screen.text.count == 23, "\(screen.text)")
        #expect(screen.text[2].hasPrefix("! host-33"), "\(screen.text)")
        #expect(screen.text[3].hasPrefix("· host-7 "), "\(screen.text)")
        #expect(screen.text.last == "  and 20 more: 20 on target", "\(screen.text)")
        behind.withLock { $0 = ["21"] }
        try await shows("on target now: 38 of 40 hosts, 1 no answer, 1 behind")
        #expect(!screen.text.contains { $0.hasPrefix("· host-7 ") }, "\(screen.text)")
        #expect(!written.contains("\u{1B}[2J") && !written.contains("\u{1B}[H"), "the screen was cleared")
        program.signal(SIGINT)
        let outcome = try await program.wait()
        screen.show(end.read())
        #expect(outcome.exitCode == 30, "\(outcome.output)\(outcome.error)")
        #expect(screen.isCursorVisible)
        #expect(screen.text.contains { $0.hasPrefix("on target now: 38 of 40 hosts") }, "\(screen.text)")
        await hosts.stop()
    }

    @Test("A stopped collector that continues shows nothing old as fresh")
    func stopped() async throws {
        let folder = try TemporaryFolder()
        let isDeaf = Mutex(false)
        let hosts = try await ScriptedHost.start { _ in
            isDeaf.withLock(\.self) ? .hang : .json(#"{"git_sha":"\#(Commit.new)"}"#)
        }
        let program = try Program.collector().start(
            [
                "status", "--service", "canvas", "--host", hosts.url(), "--sha", Commit.new, "--store", "none",
                "--watch", "--interval", "500ms", "--request-timeout", "60s",
            ], environment: ["HOME": folder.path])
        try await eventually("the host is on target") { program.output.contains("on target now: 1 of 1 host") }
        isDeaf.withLock { $0 = true }
        program.signal(SIGSTOP)
        try await Task.sleep(for: .seconds(7))
        program.signal(SIGCONT)
        try await eventually("the old value is no longer shown", detail: { program.output }) {
            program.output.contains(": no answer (was on target)")
        }
        program.signal(SIGINT)
        _ = try await program.wait()
        await hosts.stop()
    }

    @Test("A watch of nothing, or of a selection that matches nothing, ends at once", arguments: [true, false])
    func nothing(_ isEmpty: Bool) async throws {
        let folder = try TemporaryFolder()
        let fleet = try folder.write(
            "fleet.yaml",
            isEmpty ? "service: canvas\nhosts: []\n" : "service: canvas\nhosts: [{name: a, labels: {g: x}}]\n")
        let outcome = try await Program.collector().run(
            ["status", "--fleet", fleet, "--store", "none", "--watch"] + (isEmpty ? [] : ["--select", "g=y"]))
        #expect(outcome.exitCode == 50, "\(outcome.output)\(outcome.error)")
        #expect(outcome.output.contains(isEmpty ? "the inventory is empty" : "matches none of 1 host"))
    }
}
