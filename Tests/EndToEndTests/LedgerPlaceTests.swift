import Foundation
import Glibc
import Support
import Testing

@testable import EndToEndFixtures

@Suite("End to end, a ledger on a read-only disk", .timeLimit(.minutes(5)))
struct LedgerPlaceTests {
    /// Runs the collector with a folder mounted read-only, which also restricts root.
    private func run(readOnly folder: String, _ arguments: [String]) async throws -> RunningProgram.Outcome {
        let unshare = try Program.installed("unshare", remedy: "apt-get install util-linux")
        let mounts = #"mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@""#
        // Without root, mounting requires a user namespace.
        let namespaces = getuid() == 0 ? ["--mount"] : ["--mount", "--map-root-user"]
        return try await unshare.run(
            namespaces + ["/bin/sh", "-c", mounts, folder, try Program.collector().path] + arguments)
    }

    private func verified(_ folder: TemporaryFolder) async throws -> (Verified, store: String) {
        let store = "\(try folder.makeFolder("state"))/ledger.db"
        let agent = try await HostAgent.start("host-1", selector: "file:\(try folder.write("build", Commit.new))")
        let result = try await Verify(hosts: [agent.host], sha: Commit.new, store: store).run()
        #expect(result.exitCode == 0, "\(result.progress)")
        return (result, store)
    }

    @Test("A verification leaves one complete file, which history, report and check read from a read-only disk")
    func whole() async throws {
        let folder = try TemporaryFolder()
        let (result, store) = try await verified(folder)
        let state = folder.path("state")
        #expect(try FileManager.default.contentsOfDirectory(atPath: state) == ["ledger.db"])
        for arguments in [["history"], ["history", "--by", "host"], ["report"], ["ledger", "check"]] {
            let outcome = try await run(readOnly: state, arguments + ["--store", store])
            #expect(outcome.exitCode == 0, "\(arguments): \(outcome.error)")
            if arguments == ["history"] { #expect(outcome.output.contains(result.report.verification.id)) }
        }
        let refused = try await run(readOnly: state, ["ledger", "prune", "--keep", "1d", "--store", store])
        #expect(refused.exitCode == 64, "\(refused.error)")
        #expect(refused.error.contains("is not writable"))
    }

    @Test("A ledger with unmerged changes in its log is not read without them, and the error names the remedy")
    func log() async throws {
        let folder = try TemporaryFolder()
        let store = "\(try folder.makeFolder("state"))/ledger.db"
        let agent = try await HostAgent.start("host-1", selector: "file:\(try folder.write("build", Commit.old))")
        let running = try Verify(hosts: [agent.host], sha: Commit.new, store: store).start()
        try await running.says("host-1: pending")
        running.program.signal(SIGKILL)
        _ = try await running.program.wait()
        // As on a disk that was copied or mounted elsewhere: the log exists, its shared index does not.
        #expect(unlink("\(store)-shm") == 0)
        for verb in [["history"], ["report"], ["ledger", "check"]] {
            let outcome = try await run(readOnly: folder.path("state"), verb + ["--store", store])
            #expect(outcome.exitCode == 64, "\(outcome.output)")
            #expect(outcome.error.contains("ledger.db' was not closed"), "\(outcome.error)")
            #expect(outcome.error.split(separator: "\n").count == 1)
        }
        let again = try await Program.collector().succeed(["history", "--store", store])
        #expect(again.contains("interrupted"))
    }

    @Test("An older collector's ledger that cannot be upgraded is refused with its schema")
    func older() async throws {
        let folder = try TemporaryFolder()
        let store = "\(try folder.makeFolder("state"))/ledger.db"
        let sqlite = try Program.installed("sqlite3", remedy: "apt-get install sqlite3")
        try await sqlite.succeed([store, ".read \(try SourceTree.path("Tests/Ledgers/version1.sql"))"])
        let refused = try await run(readOnly: folder.path("state"), ["history", "--store", store])
        #expect(refused.exitCode == 64)
        #expect(refused.error.contains("schema 1, of an older collector"), "\(refused.error)")
        let history = try await Program.collector().succeed(["history", "--store", store])
        #expect(history.contains("v1-one"))
    }
}
