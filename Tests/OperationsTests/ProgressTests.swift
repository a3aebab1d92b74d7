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

    /// Drives plain progress with scripted hosts, one step at a time, as a session does.
    private struct Log {
        var bench: Bench
        private var observer: PlainProgress
        private var reported = 0
        private let folder: TemporaryFolder
        private let handle: FileHandle

        init(_ hosts: Int, policy: Policy = Policy(timeout: .seconds(600), stall: .seconds(600))) throws {
            folder = try TemporaryFolder()
            handle = try #require(FileHandle(forWritingAtPath: folder.write("out", "")))
            observer = PlainProgress(terminal: Terminal(descriptor: handle.fileDescriptor))
            bench = Bench(hosts, policy: policy)
        }

        mutating func see(_ host: Int = 0, at moment: Double, _ answer: Bench.Seen) {
            bench.see(host, at: moment, answer)
            let time = Duration.milliseconds(Int(moment * 1_000))
            let sample = Sample(
                host: host, askedAt: time, answeredAt: time, nonce: "", answer: .unusable(.never, detail: ""))
            observer.took(.sample(sample), [], by: bench.verification)
        }

        mutating func turn(at moment: Double) {
            bench.advance(to: moment)
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

        mutating func end() throws {
            observer.ended(bench.verification, try #require(bench.verification.conclusion))
        }

        var text: String {
            get throws { try folder.read("out") }
        }
    }

    @Test("An answer from before the start is no line, and the true reason is one as soon as it is known")
    func trueReason() throws {
        var log = try Log(1)
        log.see(at: 0.2, .answer(.old.with { $0.age = 0.8 }))
        log.turn(at: 0.2)
        #expect(try log.text.isEmpty)
        log.see(at: 1.3, .answer(.old))
        log.turn(at: 1.4)
        #expect(try log.text.hasPrefix("   1.4s  host-0: pending - not pulled: "))
        // The same status has another reason, and then the first one again.
        log.see(at: 3.3, .answer(.old.with { $0.tagMoved = true }))
        log.turn(at: 3.4)
        log.see(at: 5.3, .answer(.old))
        log.turn(at: 5.4)
        let lines = try log.text.split(separator: "\n")
        #expect(lines.count == 2, "\(lines)")
        #expect(lines.last?.contains("host-0: pending - pulled, not recreated: ") == true, "\(lines)")
    }

    @Test("A log ends with what a host is, even if it was that before", arguments: 12...40)
    func lastWord(last: Int) throws {
        var log = try Log(
            2, policy: Policy(timeout: .seconds(last), soak: .seconds(4), stall: .seconds(600), maxFailed: .hosts(2)))
        for second in 1..<last {
            let crashing = Answer().with {
                $0.state = second.isMultiple(of: 4) ? .restarting : .serving
                $0.restarts = second / 4
                $0.startedAt = "2026-01-01T00:00:\(10 + second / 4)Z"
            }
            log.see(0, at: Double(second), .answer(crashing))
            log.see(1, at: Double(second), .answer(.old))
            log.turn(at: Double(second))
        }
        log.turn(at: Double(last))
        try log.end()
        let lines = try log.text.split(separator: "\n")
        let status = log.bench.verification.tracks[0].status.rawValue
        #expect(lines.last { $0.contains("  host-0: ") }?.contains("host-0: \(status)") == true, "\(lines)")
    }

    @Test("A crash loop is told once, counted by the heartbeat, and told again at the end")
    func crashLoop() throws {
        var log = try Log(2, policy: Policy(timeout: .seconds(40), stall: .seconds(600), maxFailed: .hosts(2)))
        for second in 1..<40 {
            let crashing = Answer().with {
                $0.state = second.isMultiple(of: 4) ? .restarting : .serving
                $0.restarts = second / 4
                $0.startedAt = "2026-01-01T00:00:\(10 + second / 4)Z"
            }
            log.see(0, at: Double(second), .answer(crashing))
            log.see(1, at: Double(second), .answer(.old))
            log.turn(at: Double(second))
        }
        log.turn(at: 40)
        try log.end()
        let lines = try log.text.split(separator: "\n")
        let beat = try #require(lines.firstIndex { $0.contains("0 of 2 converged") })
        #expect(lines[..<beat].count { $0.contains("host-0: failed - ") } == 1, "\(lines)")
        #expect(lines[..<beat].count { $0.contains("host-0: ") } <= 5, "\(lines)")
        let still = try #require(lines.first { $0.contains("still failed: host-0 - ") }, "\(lines)")
        #expect(still.contains("times"), "\(still)")
        #expect(lines.contains { $0.contains("still pending: host-1 - ") }, "\(lines)")
        #expect(lines.count < 14, "\(lines)")
        // The log does not end with what the host was before.
        #expect(lines.last { $0.contains("  host-0: ") }?.contains("failed") == true, "\(lines)")
    }

    @Test("A restart of a soaking container is told, and further ones are not")
    func restarts() throws {
        var log = try Log(1, policy: Policy(timeout: .seconds(600), soak: .seconds(60), stall: .seconds(600)))
        for second in 1...20 {
            let restarts = second < 5 ? 0 : second < 100 ? 1 : 2
            log.see(
                at: Double(second),
                .answer(
                    Answer().with {
                        $0.restarts = restarts
                        $0.startedAt = "2026-01-01T00:00:0\(restarts)Z"
                    }))
            log.turn(at: Double(second))
        }
        let lines = try log.text.split(separator: "\n")
        #expect(lines.count == 2, "\(lines)")
        #expect(lines.last?.contains("its container restarted once") == true, "\(lines)")
    }

    @Test("The heartbeat groups hosts by their reasons, and names five of each")
    func heartbeat() throws {
        var log = try Log(40)
        for host in 0..<40 { log.see(host, at: 1, host < 38 ? .answer(.old) : .none(.refused)) }
        log.turn(at: 1)
        #expect(try log.text.contains("38 now pending (not pulled)"))
        for second in stride(from: 3.0, through: 31, by: 2) {
            for host in 0..<40 { log.see(host, at: second, host < 38 ? .answer(.old) : .none(.refused)) }
            log.turn(at: second)
        }
        let text = try log.text
        #expect(text.contains("still unreachable: host-38, host-39 - "), "\(text)")
        #expect(
            text.contains("still pending: host-0, host-1, host-2, host-3, host-4 and 33 more - not pulled: "),
            "\(text)")
        #expect(text.split(separator: "\n").count == 6, "\(text)")
    }

    @Test("Row 18: 50,000 hosts that all change write little")
    func manyHosts() throws {
        var log = try Log(50_000)
        for moment in [1.0, 31, 61] {
            for host in 0..<50_000 {
                log.see(host, at: moment, host.isMultiple(of: 3) ? .none(.timeout) : .answer(.old))
            }
            log.turn(at: moment)
        }
        let text = try log.text
        #expect(text.utf8.count < 4_096, "\(text)")
        #expect(text.contains("16667 now unreachable (timeout)"), "\(text)")
        #expect(text.contains("and 33328 more - not pulled"), "\(text)")
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
        #expect(many[3].contains("33 hosts  pending  not pulled"), "\(many)")
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
        #expect(frame(at: 1).contains("deploy canvas again"))
        let failing = Answer().with { $0.state = .unhealthy }
        for moment in [2.0, 4, 6, 8] where bench.verification.conclusion == nil {
            bench.advance(to: moment)
            bench.see(0, at: moment, .answer(failing))
            for host in 1..<3 { bench.see(host, at: moment, .answer(.old)) }
        }
        let text = frame(at: 8)
        #expect(text.contains("failed") && text.contains("pending"), "\(text)")
        #expect(!text.contains("deploy canvas again"), "\(text)")
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
