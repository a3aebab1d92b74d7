import Foundation
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Operations
@testable import Verdict

/// The display of `status --watch`, on a simulated fleet and clock.
@Suite("Display of a watched status")
struct StatusDisplayTests {
    private static let start = ContinuousClock.now
    private static let time = Date(timeIntervalSince1970: 1_767_225_600)

    private static func board(
        _ bench: Bench, at seconds: Double, interval: Duration = .seconds(2), problem: String? = nil
    ) -> StatusBoard {
        let now = Duration.milliseconds(Int(seconds * 1_000))
        let rows = bench.verification.tracks.indices.map {
            StatusRow(bench.verification, host: $0, at: now, start: start)
        }
        return StatusBoard(
            target: bench.verification.target, rows: rows, interval: interval, moment: start + now, problem: problem)
    }

    private static func fleet(_ count: Int, edit: (inout [ExpectedHost]) -> Void = { _ in }) -> Bench {
        Bench(count, isSweep: true, every: .seconds(2), edit: edit)
    }

    @Test("40 hosts fit on 80 by 24, worst first, and the rest are counted")
    func fits() {
        var bench = Self.fleet(40)
        for host in 0..<37 { bench.see(host, at: 1, host < 30 ? .answer(Answer()) : .answer(.old)) }
        bench.see(37, at: 1, .none(.refused))
        bench.see(38, at: 1, Answer(state: .restarting))
        let board = Self.board(bench, at: 2)
        #expect(board.summary == "on target now: 30 of 40 hosts, 1 failing, 1 no answer, 7 behind, 1 ?")
        let frame = board.frame(columns: 80, rows: 24, time: Self.time, usesColor: false)
        #expect(frame.count == 23, "\(frame)")
        #expect(frame.allSatisfy { $0.count < 80 }, "\(frame)")
        let hosts = frame.dropFirst(2).dropLast()
        #expect(hosts.first?.hasPrefix("! host-38") == true, "\(frame)")
        #expect(hosts.dropFirst().first?.hasPrefix("! host-37") == true, "\(frame)")
        #expect(hosts.dropFirst(2).first?.hasPrefix("? host-39") == true, "\(frame)")
        #expect(hosts.filter { $0.contains(" behind ") }.count == 7, "\(frame)")
        #expect(frame.last == "  and 20 more: 20 on target", "\(frame)")
        #expect(hosts.count + 20 == 40)
        for (columns, rows) in [(200, 50), (40, 10), (20, 4), (10, 1)] {
            let frame = board.frame(columns: columns, rows: rows, time: Self.time, usesColor: false)
            #expect(
                frame.count < max(rows, 4) && frame.allSatisfy { $0.count <= columns }, "\(columns)x\(rows) \(frame)")
        }
    }

    @Test("Once a host fails on the target, or a newer promotion took over, no other one is sent after it")
    func held() {
        let bad: [Answer] = [
            Answer(state: .restarting), Answer(state: .exited), Answer(state: .unhealthy), Answer(build: .rebuilt),
        ]
        for answer in bad {
            var bench = Self.fleet(3) {
                $0[2].waiver = Waiver(until: "2031-01-01T00:00:00Z", reason: "r", by: nil, isExpired: false)
            }
            bench.see(0, at: 1, .answer(.old))
            bench.see(2, at: 1, answer)
            func texts() -> [String] {
                let board = Self.board(bench, at: 2)
                return board.frame(columns: 400, rows: 24, time: Self.time, usesColor: false)
                    + board.rows.filter { $0.status == .behind }.map(board.text)
            }
            // A waived host does not speak for the fleet.
            #expect(texts().contains { Rollouts.areNamed(in: $0) && $0.contains("deploy") }, "\(texts())")
            bench.see(1, at: 1, answer)
            #expect(!texts().contains { Rollouts.areNamed(in: $0) }, "\(answer.state): \(texts())")
            #expect(texts().contains { $0.contains("leave it: serves bbbbbbbbbbbb") }, "\(texts())")
        }
    }

    @Test("A value older than three intervals becomes ?, grey, with its age and without counting as on target")
    func old() {
        var bench = Self.fleet(2)
        for host in 0..<2 { bench.see(host, at: 1, Answer()) }
        bench.ask(0, at: 3)
        bench.see(1, at: 6, Answer())
        bench.advance(to: 6.5)
        let fresh = Self.board(bench, at: 6.5).frame(columns: 100, rows: 24, time: Self.time, usesColor: true)
        #expect(fresh[1] == "on target now: 2 of 2 hosts", "\(fresh)")
        bench.advance(to: 8)
        let board = Self.board(bench, at: 8)
        #expect(board.summary.hasPrefix("on target now: 1 of 2 hosts, 1 "), "\(board.summary)")
        let frame = board.frame(columns: 100, rows: 24, time: Self.time, usesColor: true)
        #expect(frame[2].contains("host-0") && frame[2].contains(" ? "), "\(frame)")
        #expect(frame[2].contains(" 7s "), "\(frame)")
        #expect(frame[2].contains("was aaaaaaaaaaaa"), "\(frame)")
        #expect(!frame[2].contains("on target"), "\(frame)")
        #expect(frame[3].contains("host-1") && frame[3].contains("on target") && frame[3].contains("2s"), "\(frame)")
    }

    @Test("A host that has not been asked in this session is ? once its last value is too old")
    func carriedOver() {
        var bench = Self.fleet(1)
        bench.see(at: 1, Answer())
        let row = StatusRow(bench.verification, host: 0, at: .seconds(1), start: Self.start)
        #expect(row.shownStatus(at: Self.start + .seconds(6), limit: .seconds(6)) == .onTarget)
        #expect(row.shownStatus(at: Self.start + .seconds(8), limit: .seconds(6)) == nil)
        #expect(row.key(at: Self.start + .seconds(8), limit: .seconds(6)).build == nil)
    }

    @Test("A host that crashed is failing until it has served for a minute, and one that went back is behind")
    func recovers() {
        var bench = Self.fleet(2)
        for second in stride(from: 1.0, through: 20, by: 2) {
            let restarts = Int(second) / 4
            bench.see(
                0, at: second,
                Answer().with {
                    $0.restarts = restarts
                    $0.startedAt = "2026-01-01T00:00:1\(restarts)Z"
                })
            bench.see(1, at: second, second < 10 ? Answer() : .old)
            bench.advance(to: second)
        }
        #expect(SweepStatus(bench.verification.tracks[0], isCompared: true) == .failing)
        #expect(SweepStatus(bench.verification.tracks[1], isCompared: true) == .behind)
        for second in stride(from: 21.0, through: 90, by: 2) {
            bench.see(
                0, at: second,
                Answer().with {
                    $0.restarts = 4
                    $0.startedAt = "2026-01-01T00:00:14Z"
                })
            bench.see(1, at: second, .old)
            bench.advance(to: second)
        }
        #expect(SweepStatus(bench.verification.tracks[0], isCompared: true) == .onTarget)
        #expect(bench.verification.conclusion == nil)
    }

    @Test("A log has a line for each change and none for what stays, and a large change is counted")
    func log() throws {
        let folder = try TemporaryFolder()
        let handle = try #require(FileHandle(forWritingAtPath: folder.write("out", "")))
        let display = StatusDisplay(
            on: Terminal(descriptor: handle.fileDescriptor), style: .plain, interval: .seconds(2))
        var bench = Self.fleet(1_000)
        display.begin()
        func show(at seconds: Double) {
            bench.advance(to: seconds)
            display.flush(bench.verification, at: .milliseconds(Int(seconds * 1_000)), problem: nil)
        }
        for host in 0..<1_000 { bench.see(host, at: 1, host == 7 ? .answer(.old) : .answer(Answer())) }
        show(at: 1)
        for second in [2.0, 3, 4] {
            for host in 0..<1_000 { bench.see(host, at: second, host == 7 ? .answer(.old) : .answer(Answer())) }
            show(at: second)
        }
        var lines = try folder.read("out").split(separator: "\n")
        #expect(lines.count == 2, "\(lines)")
        #expect(
            lines[0].hasSuffix("  on target now: 999 of 1,000 hosts, 1 behind")
                || lines[0].hasSuffix("999 of 1000 hosts, 1 behind"))
        #expect(lines[1].contains("  host-7: behind, serves bbbbbbbbbbbb - not pulled: "), "\(lines)")
        for host in 0..<1_000 { bench.see(host, at: 5, .none(.refused)) }
        show(at: 5)
        lines = try folder.read("out").split(separator: "\n")
        #expect(lines.count == 2 + 100 + 1, "\(lines.count)")
        #expect(lines.last?.hasSuffix("and more changes: 900 no answer") == true, "\(lines.last ?? "")")
    }

    @Test("The same frame is not drawn again, and a problem is shown above the hosts")
    func draws() throws {
        let folder = try TemporaryFolder()
        let handle = try #require(FileHandle(forWritingAtPath: folder.write("out", "")))
        let display = StatusDisplay(
            on: Terminal(descriptor: handle.fileDescriptor), style: .live(usesColor: false), interval: .seconds(2))
        let bench = Self.fleet(3)
        display.begin()
        for step in 1...3 { display.flush(bench.verification, at: .seconds(step), problem: nil) }
        let once = try folder.read("out")
        #expect(once.ranges(of: "on target now").count <= 2, "\(once)")
        let board = Self.board(bench, at: 1, problem: "cannot read the inventory again: x")
        let frame = board.frame(columns: 80, rows: 24, time: Self.time, usesColor: false)
        #expect(frame[2] == "! cannot read the inventory again: x", "\(frame)")
    }
}
