import Foundation
import Glibc
import Shared
import Support
import Synchronization
import Testing

@testable import EndToEndFixtures

@Suite("End to end: rollback", .timeLimit(.minutes(10)))
struct RollbackTests {
    /// Prepares a proven old build and a new one that was promoted after it and failed.
    private func withFailedDeploy(isIndex: Bool = false, _ body: (Promoter) async throws -> Void) async throws {
        let promoter = try await Promoter.make(isIndex: isIndex)
        try await promoter.proveOld()
        try promoter.serve(MadeImage.single(revision: Commit.new, salt: "wrong"), Commit.new)
        let failed = try await promoter.run(verifies: true)
        #expect(failed.exitCode == 20, "\(failed.error)")
        #expect(promoter.registry.tag("latest") == promoter.new.digest)
        promoter.followTag()
        try await body(promoter)
        await promoter.stop()
    }

    @Test("A dry run prints the plan, and the rollback carries it out and proves the fleet")
    func night() async throws {
        try await withFailedDeploy { promoter in
            let writes = promoter.registry.writes
            let dry = try await promoter.rollback(["--dry-run"])
            #expect(dry.exitCode == 0, "\(dry.error)")
            let (old, new) = (Commit.old.prefix(12), Commit.new.prefix(12))
            #expect(
                dry.output.contains(
                    "canvas:latest back from \(new) (promotion no. 2, failed_deploy) to \(old) (promotion no. 1, converged 20"
                ),
                "\(dry.output)")
            #expect(dry.output.contains("nothing was written"))
            #expect(promoter.registry.writes == writes)
            #expect(try await promoter.journal().count == 2)

            let outcome = try await promoter.rollback()
            #expect(outcome.exitCode == 0, "\(outcome.error)")
            #expect(promoter.registry.tag("latest") == promoter.old.digest)
            #expect(try await promoter.journal().last == "rollback moved 3 \(promoter.short(promoter.old))")
            #expect(outcome.output == "CANVAS_IMAGE_TAG=latest@\(promoter.old.digest)\n")
            let json = try promoter.folder.read("report.json")
            #expect(try await SchemaValidator.defects(json, against: .report).isEmpty)
            #expect(json.contains(#""kind" : "rollback""#))
            #expect(outcome.error.contains("was put back from \(new), by a test"), "\(outcome.error)")

            // A second rollback finds no earlier proven build, and lists the known ones.
            let again = try await promoter.rollback()
            #expect(again.exitCode == 64, "\(again.error)")
            #expect(again.error.contains("no build is left to roll back to"), "\(again.error)")
            #expect(again.error.contains("promotion no. 2, failed_deploy, rolled back since"), "\(again.error)")

            // The rollback does not block a later promotion.
            let repaired = try await promoter.run(verifies: true)
            #expect(repaired.exitCode == 0, "\(repaired.error)")
            #expect(promoter.registry.tag("latest") == promoter.new.digest)
        }
    }

    @Test(
        "--to takes a commit, generation or digest; an unclear one is 64 with a list of builds",
        arguments: [
            ("1", Int32(0)), ("OLD7", 0), ("DIGEST", 0), ("SHORTDIGEST", 0), ("9", 64), ("0000000", 64), ("abc", 64),
        ])
    func named(text: String, code: Int32) async throws {
        try await withFailedDeploy { promoter in
            let to =
                [
                    "OLD7": String(Commit.old.prefix(7)), "DIGEST": "\(promoter.old.digest)",
                    "SHORTDIGEST": String("\(promoter.old.digest)".prefix(14)),
                ][text] ?? text
            let outcome = try await promoter.rollback(["--to", to], verifies: false)
            #expect(outcome.exitCode == code, "\(outcome.error)")
            #expect((promoter.registry.tag("latest") == promoter.old.digest) == (code == 0))
            if code == 64 { #expect(outcome.error.contains("promotion no. 1, converged"), "\(outcome.error)") }
        }
    }

    @Test("A build that the tag already points to is not moved, but verified")
    func present() async throws {
        try await withFailedDeploy { promoter in
            let outcome = try await promoter.rollback(["--to", "2", "--timeout", "15s"])
            #expect(outcome.error.contains("already is"), "\(outcome.error)")
            // The host still serves the wrong build.
            #expect(outcome.exitCode == 20, "\(outcome.error)")
            #expect(try await promoter.journal().count == 2)
        }
    }

    @Test("The kill switch blocks a rollback, and so does another change of the tag")
    func held() async throws {
        try await withFailedDeploy { promoter in
            let hold = try promoter.folder.write("hold", "yes")
            let held = try await promoter.rollback(["--kill-switch", "file:\(hold)"])
            #expect(held.exitCode == 41, "\(held.error)")
            #expect(held.error.contains("the kill switch is on"), "\(held.error)")
            #expect(try await promoter.journal().count == 2)

            promoter.registry.behave { request, _ in request.method == "PUT" ? .instead(.hang) : .honest }
            let running = try promoter.startRollback(verifies: false)
            let registry = promoter.registry
            let writes = registry.writes
            try await eventually("the tag is being written", detail: { running.error }) {
                running.exitCode != nil || registry.writes > writes
            }
            let second = try await promoter.rollback(verifies: false)
            #expect(second.exitCode == 41, "\(second.error)")
            #expect(second.error.contains("another change"), "\(second.error)")
            running.signal(9)
            _ = try await running.wait()
        }
    }

    @Test("Field 12: manifests that the registry has removed are restored from the ledger", arguments: [false, true])
    func removed(isIndex: Bool) async throws {
        try await withFailedDeploy(isIndex: isIndex) { promoter in
            promoter.registry.remove(tag: "staging-\(Commit.old)")
            promoter.registry.change { nature in
                nature.removesUntagged = true
                nature.checksParts = true
            }
            promoter.registry.push(promoter.new, "latest")
            #expect(!promoter.registry.has(promoter.old.digest))
            let outcome = try await promoter.rollback()
            #expect(outcome.exitCode == 0, "\(outcome.error)")
            #expect(promoter.registry.bytes(promoter.old.digest) == promoter.old.manifest.bytes)
            #expect(promoter.old.children.allSatisfy { promoter.registry.has($0.digest) })
        }
    }

    @Test("Field 9: a rollback waits for a lagging registry; a signal ends the wait and leaves the journal open")
    func lag() async throws {
        try await withFailedDeploy { promoter in
            promoter.registry.push(promoter.new, "latest")
            promoter.registry.change { $0.lag = .seconds(3) }
            let outcome = try await promoter.rollback(["--readback-timeout", "20s"])
            #expect(outcome.exitCode == 0, "\(outcome.error)")
            promoter.registry.push(promoter.old, "latest")
            promoter.registry.change { $0.lag = .seconds(3_600) }
            let writes = promoter.registry.writes
            let registry = promoter.registry
            let running = try promoter.startRollback(["--to", "2", "--readback-timeout", "60s"])
            try await eventually("the tag was written", detail: { running.error }) {
                running.exitCode != nil || registry.writes > writes
            }
            running.signal(15)
            let interrupted = try await running.wait()
            #expect(interrupted.exitCode == 143, "\(interrupted.error)")
            #expect(try await promoter.journal().last?.contains("intended") == true)
            #expect(try promoter.folder.read("report.json").contains(#""verdict" : "interrupted""#))
        }
    }

    @Test(
        "Repeating a rollback that was interrupted or not proven finishes it, without going further back"
    )
    func finished() async throws {
        try await withFailedDeploy { promoter in
            let (pid, old) = (Box(), promoter.old)
            promoter.registry.behave { request, _ in
                request.method == "PUT" ? .honestThen { pid.kill() } : .honest
            }
            let first = try promoter.startRollback()
            pid.set(first.processID)
            #expect(try await first.wait().exitCode != 0)
            #expect(promoter.registry.tag("latest") == old.digest)
            promoter.followTag()
            try promoter.serve(old, Commit.old)
            // Before the journal is settled, and after it.
            for verifies in [true, false] {
                let dry = try await promoter.rollback(["--dry-run"])
                #expect(dry.exitCode == 0, "\(dry.error)")
                #expect(dry.output.contains("nothing would be moved"), "\(dry.output)")
                #expect(dry.output.contains("never proven and is finished first"), "\(dry.output)")
                guard verifies else { continue }
                let settled = try await promoter.rollback(verifies: false)
                #expect(settled.exitCode == 0, "\(settled.error)")
                #expect(try await promoter.journal().last == "rollback moved 3 \(promoter.short(old))")
            }
            let second = try await promoter.rollback()
            #expect(second.exitCode == 0, "\(second.error)")
            #expect(promoter.registry.tag("latest") == old.digest)
            // Once proven, the rollback counts: no earlier build exists.
            let third = try await promoter.rollback()
            #expect(third.exitCode == 64, "\(third.error)")
        }
    }

    @Test("A lagging replica is read again, and one that stays behind is refused")
    func stale() async throws {
        let promoter = try await Promoter.make()
        promoter.followTag()
        try await promoter.proveOld()
        let proven = try await promoter.run(verifies: true)
        #expect(proven.exitCode == 0, "\(proven.error)")
        let registry = promoter.registry
        let writes = registry.writes
        registry.change { $0.lag = .seconds(3_600) }
        let refused = try await promoter.rollback()
        #expect(refused.exitCode == 41, "\(refused.error)")
        for text in [
            "someone has moved the tag since", "--to", "\(Commit.new.prefix(12))",
            String(promoter.old.digest.description.prefix(19)),
        ] {
            #expect(refused.error.contains(text), "\(refused.error)")
        }
        #expect(registry.writes == writes)
        let running = try promoter.startRollback()
        try await eventually("it is read again", detail: { running.error }) {
            running.exitCode != nil || running.error.contains("reading it again")
        }
        registry.change { $0.lag = .zero }
        let outcome = try await running.wait()
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        #expect(registry.tag("latest") == promoter.old.digest)
        #expect(try await promoter.journal().last == "rollback moved 3 \(promoter.short(promoter.old))")
        await promoter.stop()
    }

    @Test("Without a ledger, a fleet or a moving tag, a rollback is a usage error")
    func usage() async throws {
        let folder = try TemporaryFolder()
        for (arguments, text) in [
            (["--image", "r.example/canvas", "--service", "canvas", "--host", "h", "--store", "none"], "--store"),
            (["--image", "r.example/canvas"], "--no-verify"),
            (["--image", "r.example/canvas", "--no-verify"], "no service named: give --service NAME"),
            (["--image", "r.example/canvas:v1", "--no-verify"], "never moved"),
            (["--image", "r.example/canvas:latest", "--tag", "stable", "--no-verify"], "two tags"),
            (["--image", "r.example/canvas@sha256:00", "--no-verify"], "invalid --image"),
            (
                [
                    "--image", "127.0.0.1:1/canvas", "--service", "canvas", "--dry-run", "--store",
                    folder.path("none.db"),
                ], "does not exist"
            ),
        ] {
            let outcome = try await Program.collector().run(
                ["rollback"] + arguments, environment: ["HOME": folder.path])
            #expect(outcome.exitCode == 64, "\(arguments): \(outcome.error)")
            #expect(outcome.error.contains(text), "\(arguments): \(outcome.error)")
        }
    }

    @Test(
        "After SIGKILL at any request to the registry, the next rollback reconciles tag and journal",
        arguments: [false, true])
    func killed(isDone: Bool) async throws {
        try await withFailedDeploy(isIndex: true) { promoter in
            let registry = promoter.registry
            let (old, new) = (promoter.old, promoter.new)
            registry.remove(tag: "staging-\(Commit.old)")
            registry.change { nature in
                nature.removesUntagged = true
                nature.checksParts = true
            }
            let ledger = promoter.folder.path("ledger.db")
            let original = promoter.folder.path("ledger.original")
            try FileManager.default.copyItem(atPath: ledger, toPath: original)
            var number = 0
            var isKilled = true
            var states: Set<String> = []
            while isKilled, number < 60 {
                number += 1
                for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: ledger + suffix) }
                try FileManager.default.copyItem(atPath: original, toPath: ledger)
                registry.behave { _, _ in .honest }
                registry.push(new, "latest")
                #expect(!registry.has(old.digest))
                let (first, pid, wanted) = (registry.asked.count, Box(), number)
                registry.behave { _, now in
                    guard now - first == wanted else { return .honest }
                    guard isDone else {
                        pid.kill()
                        return .instead(.hang)
                    }
                    return .honestThen { pid.kill() }
                }
                let running = try promoter.startRollback(verifies: false)
                pid.set(running.processID)
                isKilled = try await running.wait().exitCode != 0
                let left = try await promoter.journal().dropFirst(2)
                let tag = registry.tag("latest")
                #expect(tag == old.digest || tag == new.digest)
                if isKilled, tag == old.digest { #expect(left.count == 1, "request \(number)") }
                if let last = left.last { states.insert(String(last.split(separator: " ")[1])) }
                registry.behave { _, _ in .honest }
                let second = try await promoter.rollback(["--to", "1"], verifies: false)
                #expect(second.exitCode == 0, "request \(number): \(second.error)")
                #expect(registry.tag("latest") == old.digest, "request \(number)")
                #expect(registry.bytes(old.digest) == old.manifest.bytes)
                #expect(try await promoter.journal().allSatisfy { !$0.contains("intended") }, "request \(number)")
                #expect(try await promoter.promotions().count == 3, "request \(number)")
            }
            #expect(!isKilled)
            #expect(number > 8)
            #expect(states.contains("intended"))
        }
    }

    private final class Box: Sendable {
        private let pid = Mutex<pid_t?>(nil)
        func set(_ number: pid_t) { pid.withLock { $0 = number } }
        func kill() {
            while true {
                if let number = pid.withLock({ $0 }) {
                    Glibc.kill(number, SIGKILL)
                    return
                }
                usleep(1_000)
            }
        }
    }
}

extension RealRegistry {
    @Suite("rollback, in a real registry")
    struct RealRegistryRollbackTests {
        @Test("An index is put back byte by byte after its manifests were deleted, and the tag is read back")
        func deleted() async throws {
            let registry = try await LocalRegistry.start()
            let (old, new) = (MadeImage.usual(revision: Commit.old), MadeImage.usual(revision: Commit.new))
            try registry.push(old, to: "canvas", tag: "latest")
            try registry.push(new, to: "canvas", tag: "staging-\(Commit.new)")
            let folder = try TemporaryFolder()
            let host = try await ScriptedHost.start { request in .json(#"{"git_sha":"\#(Commit.old)"}"#) }
            let common = ["--service", "canvas", "--store", folder.path("ledger.db"), "--progress", "none"]
            let environment = ["HOME": folder.path]
            // The old build is proven by its commit, and gets its digest in the journal.
            let image = "\(registry.authority)/canvas"
            func promote(_ sha: String, _ from: String) async throws -> RunningProgram.Outcome {
                try await Program.collector().run(
                    [
                        "promote", "--image", image, "--sha", sha, "--from", from, "--no-ci", "--no-verify",
                        "--allow-rollback",
                    ]
                        + common, environment: environment)
            }
            let first = try await promote(Commit.old, "latest")
            #expect(first.exitCode == 0, "\(first.error)")
            let verified = try await Program.collector().run(
                ["verify", "--sha", Commit.old, "--host", host.url("/b"), "--soak", "500ms", "--interval", "100ms"]
                    + common, environment: environment)
            #expect(verified.exitCode == 0, "\(verified.error)")
            let second = try await promote(Commit.new, "staging-\(Commit.new)")
            #expect(second.exitCode == 0, "\(second.error)")
            for digest in [old.digest] + old.children.map(\.digest) { try registry.delete("canvas", digest) }
            let back = try await Program.collector().run(
                ["rollback", "--image", image, "--no-verify"] + common, environment: environment)
            #expect(back.exitCode == 0, "\(back.error)")
            #expect(try registry.index("canvas", "latest").bytes == old.manifest.bytes)
            await host.stop()
        }
    }
}
