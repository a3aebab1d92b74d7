import Foundation
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Operations
@testable import Verdict

struct ProgressTests {
    /// The output of an observer for a sample fleet's changes.
    private static func output(of make: (Terminal) -> any SessionObserver, hosts: Int, bad: Int) throws -> String {
        let folder = try TemporaryFolder()
        let path = try folder.write("out", "")
        let handle = try #require(FileHandle(forWritingAtPath: path))
        defer { try? handle.close() }
        var observer = make(Terminal(descriptor: handle.fileDescriptor))
        var bench = Bench(hosts, policy: Policy(timeout: .seconds(60), soak: .seconds(10), stall: .seconds(600)))
        var reported = 0
        func notify(at moment: Double) {
            let changes = bench.actions[reported...].compactMap { action -> HostChange? in
                if case .changed(let host, let transition) = action {
                    HostChange(host: host, transition: transition)
                } else {
                    nil
                }
            }
            reported = bench.actions.count
            observer.turned(changes, of: bench.verification, at: .milliseconds(Int(moment * 1_000)))
        }
        for moment in stride(from: 1.0, through: 61, by: 2) where bench.verification.conclusion == nil {
            bench.advance(to: min(moment, 60))
            for host in 0..<hosts where bench.verification.conclusion == nil {
                bench.see(host, at: moment, host < bad ? .answer(.old) : .answer(Answer()))
            }
            notify(at: moment)
        }
        observer.ended(bench.verification, try #require(bench.verification.conclusion))
        return try String(contentsOfFile: path, encoding: .utf8)
    }

    @Test("Progress for a log reports changes")
    func plain() throws {
        try Golden.expect(Self.output(of: { PlainProgress(terminal: $0) }, hosts: 4, bad: 1), "progress-plain.txt")
    }

    @Test("Two thousand hosts make a short log that ends with the three stragglers")
    func largeFleet() throws {
        let text = try Self.output(of: { PlainProgress(terminal: $0) }, hosts: 2_000, bad: 3)
        let lines = text.split(separator: "\n")
        #expect(lines.count < 30)
        for host in 0..<3 { #expect(lines.suffix(4).contains { $0.contains("host-\(host): straggler") }) }
    }

    @Test("Live progress shows a bar and counts, and fits the terminal", arguments: [40, 80, 200])
    func live(_ columns: Int) {
        let bench = SampleFleet.run()
        let lines = LiveProgress(terminal: Terminal(descriptor: -1), usesColor: false)
            .frame(bench.verification, at: .seconds(59), columns: columns, rows: 12)
        #expect(lines.allSatisfy { $0.count <= columns })
        #expect(lines.count <= 12)
        #expect(lines.contains { $0.contains("2/8") })
        #expect(lines.joined().contains("straggler"))
        #expect(!lines.joined().contains("\u{1B}"))
    }

    /// The frame of a fleet in which every host but some is behind.
    private static func frame(hosts: Int, converged: Int, columns: Int, rows: Int) -> [String] {
        var bench = Bench(hosts, policy: Policy(timeout: .seconds(60), soak: .seconds(1), stall: .seconds(600)))
        for moment in stride(from: 1.0, through: 9, by: 2) {
            bench.advance(to: moment)
            for host in 0..<hosts { bench.see(host, at: moment, host < converged ? .answer(Answer()) : .answer(.old)) }
        }
        return LiveProgress(terminal: Terminal(descriptor: -1), usesColor: false)
            .frame(bench.verification, at: .seconds(9), columns: columns, rows: rows)
    }

    @Test("Live progress names every host that is left if they fit, and groups equal reasons otherwise")
    func groups() throws {
        let few = Self.frame(hosts: 200, converged: 195, columns: 120, rows: 24)
        for host in 195..<200 { #expect(few.contains { $0.contains("host-\(host) ") }, "\(few)") }
        let many = Self.frame(hosts: 40, converged: 7, columns: 200, rows: 24)
        #expect(many.count == 4, "\(many)")
        #expect(many[3].contains("(host-7, host-8, "), "\(many)")
        #expect(many[3].contains("33 hosts  pending  never pulled"), "\(many)")
    }

    @Test("Once the build failed on a host, live progress does not advise to deploy it to the others")
    func held() throws {
        var bench = Bench(3, policy: Policy(timeout: .seconds(60), soak: .seconds(1), stall: .seconds(600)))
        func frame(at moment: Double) -> String {
            LiveProgress(terminal: Terminal(descriptor: -1), usesColor: false)
                .frame(bench.verification, at: .milliseconds(Int(moment * 1_000)), columns: 200, rows: 24)
                .joined(separator: "\n")
        }
        bench.advance(to: 1)
        for host in 0..<3 { bench.see(host, at: 1, .answer(.old)) }
        #expect(frame(at: 1).contains("docker compose up"))
        let failing = Answer().with { $0.state = .unhealthy }
        for moment in [2.0, 4, 6, 8] where bench.verification.conclusion == nil {
            bench.advance(to: moment)
            bench.see(0, at: moment, .answer(failing))
            for host in 1..<3 { bench.see(host, at: moment, .answer(.old)) }
        }
        let text = frame(at: 8)
        #expect(text.contains("failed") && text.contains("pending"), "\(text)")
        #expect(!text.contains("docker compose up"), "\(text)")
    }

    @Test("Live progress fits a terminal of 20 by 5")
    func smallest() {
        let lines = Self.frame(hosts: 40, converged: 7, columns: 20, rows: 5)
        #expect(lines.count <= 4)
        #expect(lines.allSatisfy { $0.displayWidth < 20 }, "\(lines)")
        #expect(lines[1].contains("7/40"))
    }

    @Test("auto is live only on an interactive terminal")
    func auto() {
        let pipe = Terminal(descriptor: -1)
        #expect(ProgressMode.auto.observer(on: pipe, environment: ["TERM": "xterm"]) is PlainProgress)
        #expect(ProgressMode.live.observer(on: pipe, environment: [:]) is LiveProgress)
        #expect(ProgressMode.none.observer(on: pipe, environment: [:]) == nil)
    }
}
