import Foundation
import Shared
import Support
import Testing

@testable import CollectorSupport
@testable import Gate
@testable import Operations

@Suite("Gate, CI: the state machine")
struct CIStateMachineTests {
    private static func wait(
        _ contexts: String..., timeout: Duration = .seconds(60), interval: Duration = .seconds(10)
    ) throws -> CIStateMachine {
        CIStateMachine(sha: try #require(FakeForge.sha), contexts: contexts, timeout: timeout, interval: interval)
    }

    private static func reading(_ rows: (String, Int64, String)...) -> CIReading {
        CIReading(
            views: [rows.map { CIRow(context: $0.0, id: $0.1, source: .status, state: CIState($0.2)) }])
    }

    @Test("Green requires success of every context in one reading")
    func green() throws {
        var wait = try Self.wait("a", "b")
        #expect(wait.pause(at: .zero) == .zero)
        #expect(wait.take(Self.reading(("a", 1, "success"), ("b", 1, "pending")), at: .seconds(1)) == [0, 1])
        #expect(wait.verdict == nil)
        #expect(wait.pause(at: .seconds(1)) == .seconds(10))
        #expect(wait.take(Self.reading(("a", 2, "pending"), ("b", 2, "success")), at: .seconds(11)) == [0, 1])
        #expect(wait.verdict == nil)
        #expect(wait.take(Self.reading(("a", 2, "pending"), ("b", 2, "success")), at: .seconds(21)) == [])
        #expect(wait.take(Self.reading(("a", 3, "success"), ("b", 2, "success")), at: .seconds(31)) == [0])
        #expect(wait.verdict == .green)
        #expect(wait.pause(at: .seconds(31)) == nil)
        #expect(wait.endedAt == .seconds(31))
        #expect(wait.tracks[0].firstSeen == .seconds(31))
        #expect(wait.tracks[1].firstSeen == .seconds(11))
        #expect(wait.tracks[1].lastSeen == .seconds(31))
        // Later readings change nothing.
        #expect(wait.take(Self.reading(("a", 4, "failure")), at: .seconds(32)) == [])
        #expect(wait.verdict == .green)
    }

    @Test("An empty list of contexts is never green")
    func nothing() throws {
        var wait = CIStateMachine(sha: try #require(FakeForge.sha), contexts: [])
        _ = wait.take(Self.reading(("a", 1, "success")), at: .seconds(1))
        #expect(wait.verdict == nil)
    }

    @Test(
        "A final state without success ends the wait at once with 41",
        arguments: ["failure", "error", "cancelled", "canceled", "skipped", "timed_out"])
    func ends(state: String) throws {
        var wait = try Self.wait("a", "b")
        _ = wait.take(Self.reading(("a", 1, "pending"), ("b", 1, state)), at: .seconds(1))
        #expect(wait.verdict == .failed)
        #expect(wait.verdict?.exitCode == 41)
        #expect(wait.summary.contains("b: \(state) (#1, status)"))
        #expect(!wait.summary.contains("a: pending"))
    }

    @Test(
        "pending, missing, warning and unknown wait until the time is up, which is 41 with the last states named",
        arguments: ["pending", "warning", "queued-or-so", "SUCCESS"])
    func waits(state: String) throws {
        var wait = try Self.wait("a", "absent")
        _ = wait.take(Self.reading(("a", 1, state)), at: .seconds(59))
        #expect(wait.verdict == nil)
        #expect(wait.pause(at: .seconds(59)) == .seconds(1))
        #expect(wait.pause(at: .seconds(60)) == nil)
        #expect(wait.verdict == .timedOut)
        #expect(wait.verdict?.exitCode == 41)
        #expect(wait.summary.contains("a: \(state) (#1"))
        #expect(wait.summary.contains("absent: missing"))
    }

    @Test("A timeout without any readable response is 69 with a reason; with one it is 41")
    func unreadable() throws {
        var wait = try Self.wait("a")
        #expect(wait.take(ForgeError(.unreadable, "a page of HTML"), at: .seconds(1)) == true)
        #expect(wait.take(ForgeError(.unreadable, "a page of HTML"), at: .seconds(11)) == false)
        #expect(wait.take(ForgeError(.transient, "502"), at: .seconds(21)) == true)
        #expect(wait.pause(at: .seconds(60)) == nil)
        #expect(wait.verdict == .unreadable)
        #expect(wait.verdict?.exitCode == 69)
        #expect(wait.summary.contains("502"))
        #expect(wait.failures == 3)
        #expect(wait.summary.contains("could not read CI"))

        // The last request, ended by the deadline, does not hide the earlier error.
        var cut = try Self.wait("a")
        _ = cut.take(ForgeError(.unreadable, "a page of HTML"), at: .seconds(1))
        _ = cut.take(ForgeError(.transient, "timed out after 2 ms"), at: .seconds(60))
        #expect(cut.pause(at: .seconds(60)) == nil)
        #expect(cut.summary.contains("a page of HTML"))

        var once = try Self.wait("a")
        _ = once.take(Self.reading(("a", 1, "pending")), at: .seconds(1))
        _ = once.take(ForgeError(.transient, "502"), at: .seconds(21))
        #expect(once.pause(at: .seconds(60)) == nil)
        #expect(once.verdict == .timedOut)
        #expect(once.summary.contains("last error: 502"))
    }

    @Test(
        "A request that the deadline cut short is not the forge's error; one that it left without an answer for long is",
        arguments: [
            (read: 49_900, end: 59_950, isTold: false), (49_900, 60_000, false), (46_000, 60_000, false),
            (44_000, 60_000, true), (30_000, 40_500, true),
        ])
    func cutShort(_ read: Int, _ end: Int, _ isTold: Bool) throws {
        var wait = try Self.wait("a")
        // The next request starts 10 seconds later.
        _ = wait.take(Self.reading(("a", 1, "pending")), at: .milliseconds(read))
        let error = ForgeError(.transient, "no response (connected, but no answer within 37ms)")
        #expect(wait.take(error, at: .milliseconds(end)) == isTold)
        #expect(wait.pause(at: .seconds(60)) == nil)
        #expect(wait.verdict == .timedOut)
        #expect(wait.summary.contains("no response") == isTold, "\(wait.summary)")
        #expect(wait.summary.contains("is not green after"))
    }

    @Test("An earlier success is not green while the forge cannot be read")
    func stale() throws {
        var wait = try Self.wait("a", "b")
        _ = wait.take(Self.reading(("a", 1, "success"), ("b", 1, "pending")), at: .seconds(1))
        _ = wait.take(ForgeError(.transient, "504"), at: .seconds(11))
        #expect(wait.verdict == nil)
        _ = wait.take(Self.reading(("b", 2, "success")), at: .seconds(21))
        #expect(wait.verdict == nil, "a is missing now, whatever it was before")
    }

    @Test("A refusal by the forge ends the wait at once with 69")
    func refused() throws {
        var wait = try Self.wait("a")
        _ = wait.take(ForgeError(.refused(status: 401), "401: give another token"), at: .seconds(1))
        #expect(wait.verdict == .refused)
        #expect(wait.verdict?.exitCode == 69)
        #expect(wait.summary.contains("give another token"))
    }

    @Test("A requested pause is kept, and one beyond the deadline ends the wait")
    func throttled() throws {
        var wait = try Self.wait("a")
        _ = wait.take(ForgeError(.throttled(.seconds(30)), "429"), at: .seconds(1))
        #expect(wait.pause(at: .seconds(1)) == .seconds(30))
        _ = wait.take(ForgeError(.throttled(.seconds(1)), "429"), at: .seconds(31))
        #expect(wait.pause(at: .seconds(31)) == .seconds(10), "never oftener than the interval")
        _ = wait.take(ForgeError(.throttled(.seconds(3_600)), "429, an hour"), at: .seconds(41))
        #expect(wait.verdict == .unreadable)
        #expect(wait.pause(at: .seconds(41)) == nil)
        #expect(wait.endedAt == .seconds(41))
    }

    @Test("An interruption is 130 or 143, with the current state", arguments: [(Int32(2), Int32(130)), (15, 143)])
    func interrupted(signal: Int32, code: Int32) throws {
        var wait = try Self.wait("a")
        _ = wait.take(Self.reading(("a", 7, "pending")), at: .seconds(1))
        wait.interrupt(signal: signal, at: .seconds(2))
        let result = CIResult(wait, forge: "f", repository: "o/r", startedAt: 0)
        #expect(result.exitCode == code)
        #expect(result.verdict == "interrupted")
        #expect(result.contexts.first?.state == "pending")
        #expect(result.contexts.first?.firstSeen == "1970-01-01T00:00:01.000Z")
        let error = #expect(throws: GateError.self) { try result.requireGreen() }
        #expect(error?.exitCode == code)
    }

    @Test("Only a green result passes")
    func results() throws {
        var wait = try Self.wait("a")
        var result = CIResult(wait, forge: "f", repository: "o/r", startedAt: 0)
        #expect(result.contexts.first?.state == "unread")
        #expect(throws: GateError.self) { try result.requireGreen() }
        _ = wait.take(Self.reading(("a", 1, "success")), at: .seconds(1))
        result = CIResult(wait, forge: "f", repository: "o/r", startedAt: 0)
        try result.requireGreen()
        #expect(result.exitCode == 0)
    }

    @Test("A log has one line for each change and none for time; terminal lines fit the width", arguments: [30, 80])
    func progress(columns: Int) throws {
        var wait = try Self.wait("a", "a context with \u{1B}[31m an escape")
        #expect(CIProgress.lines(.passed(wait, at: .seconds(3))).isEmpty)
        let changed = wait.take(Self.reading(("a", 1, "pending")), at: .seconds(4))
        let lines = CIProgress.lines(.read(wait, changed: changed, at: .seconds(4)))
        #expect(lines.first == "   4.0s  a: pending (#1, status)")
        #expect(lines.count == 2)
        #expect(lines.allSatisfy { !$0.contains("\u{1B}") })
        #expect(CIProgress.lines(.read(wait, changed: [], at: .seconds(9))).isEmpty)
        let frame = CIProgress.frame(wait, at: .seconds(9), columns: columns, rows: 10, usesColor: false)
        #expect(frame.allSatisfy { $0.count <= columns })
        #expect(frame[0].hasPrefix("CI of c0ffee5eed12"))
        #expect(frame.count == 3)
    }

    @Test("A log has a heartbeat that lists the existing contexts as long as a required one is missing")
    func heartbeat() throws {
        let folder = try TemporaryFolder()
        let handle = try #require(FileHandle(forWritingAtPath: folder.write("out", "")))
        let progress = CIProgress(
            .plain, on: Terminal(descriptor: handle.fileDescriptor), environment: [:], showsReporters: false)
        var wait = try Self.wait("tset", "lint")
        var reading = Self.reading(("test", 1, "success"), ("lint", 2, "success"))
        reading.names = ["test", "lint"]
        let changed = wait.take(reading, at: .seconds(1))
        progress.show(.read(wait, changed: changed, at: .seconds(1)))
        for second in 2...65 { progress.show(.passed(wait, at: .seconds(second))) }
        let lines = try folder.read("out").split(separator: "\n")
        #expect(lines.count == 4, "\(lines)")
        #expect(lines[0].hasSuffix("tset: missing (contexts at this commit: lint, test; did you mean 'test'?)"))
        #expect(
            lines[2].hasPrefix("  30.0s  CI of commit c0ffee5eed12: 1 of 2 green, 1 missing: tset: missing"), "\(lines)"
        )
        #expect(lines[2].hasSuffix("did you mean 'test'?"), "\(lines)")
        #expect(lines[3].hasPrefix("  60.0s  "), "\(lines)")
        wait.interrupt(signal: 2, at: .seconds(66))
        #expect(wait.summary.contains("contexts at this commit: lint, test"), "\(wait.summary)")
    }
}
