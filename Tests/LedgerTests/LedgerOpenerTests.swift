import Foundation
import GRDB
import Glibc
import Shared
import Testing

@testable import CollectorFixtures
@testable import Ledger
@testable import Reports
@testable import Verdict

@Suite("Opening the ledger")
struct LedgerOpenerTests {
    private func failure(_ path: String, for purpose: Ledger.Purpose = .recording) async -> LedgerError? {
        do throws(LedgerError) {
            _ = try await Ledger.open(path: path, for: purpose, options: .init(busyTimeout: .milliseconds(200)))
            return nil
        } catch {
            return error
        }
    }

    /// A ledger that was closed, so that all of it is in its one file; then changed at one place.
    private func tampered(at offset: UInt64, _ bytes: [UInt8], in folder: TestFolder) async throws -> String {
        let path = "\(folder.path)/ledger.db"
        try await Ledger.open(path: path).close()
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try file.seek(toOffset: offset)
        try file.write(contentsOf: Data(bytes))
        try file.close()
        return path
    }

    @Test("A new ledger and its folders are created for their owner alone")
    func modes() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/a/b/ledger.db"
        let ledger = try await Ledger.open(path: path)
        for (name, mode) in [("a", 0o700), ("a/b", 0o700), ("a/b/ledger.db", 0o600), ("a/b/ledger.db-wal", 0o600)] {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder.path)/\(name)")
            #expect(attributes[.posixPermissions] as? Int == mode, "\(name)")
        }
        #expect(try await ledger.history(now: LedgerFixtures.now) == [])
    }

    @Test("A directory, a device, a text file and an empty path are refused and stay unchanged")
    func notLedgers() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let text = try folder.write("hosts:\n- a\n- another host with a longer name\n", to: "fleet.yaml")
        #expect(await failure(folder.path) == .isDirectory(path: folder.path))
        #expect(await failure("/dev/null") == .notADatabase(path: "/dev/null"))
        #expect(await failure(text) == .notADatabase(path: text))
        #expect(await failure("") == .emptyPath)
        #expect(
            await failure("\(text)/ledger.db") == .notWritable(path: "\(text)/ledger.db", reason: "Not a directory"))
        #expect(try String(contentsOfFile: text, encoding: .utf8).hasPrefix("hosts:"))
    }

    @Test("A path that is not writable is reported before the work starts, even to root")
    func readOnlyPlace() async throws {
        // The kernel creates no files there, not even for root.
        guard case .notWritable(let path, _) = await failure("/sys/kernel/ledger.db") else {
            Issue.record("a ledger in /sys was accepted")
            return
        }
        #expect(path == "/sys/kernel/ledger.db")
    }

    @Test("Reading requires an existing ledger")
    func absent() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        #expect(await failure("\(folder.path)/x.db", for: .reading) == .absent(path: "\(folder.path)/x.db"))
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/x.db"))
    }

    @Test("A newer collector's ledger is not changed")
    func newerSchema() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = try await tampered(at: 60, [0, 0, 0, 99], in: folder)
        #expect(await failure(path) == .newerSchema(path: path, version: 99))
        #expect(await failure(path, for: .reading) == .newerSchema(path: path, version: 99))
    }

    @Test("Another program's database is not changed")
    func foreign() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = try await tampered(at: 68, [1, 2, 3, 4], in: folder)
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(await failure(path) == .notALedger(path: path))
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    }

    @Test("A broken header and a missing end have their own errors")
    func broken() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = try await tampered(at: 0, Array("garbage!".utf8), in: folder)
        #expect(await failure(path) == .notADatabase(path: path))
        let other = try TestFolder()
        defer { other.remove() }
        let cut = try await tampered(at: 0, Array("SQLite".utf8), in: other)
        #expect(truncate(cut, 5_000) == 0)
        #expect(await failure(cut) == .damaged(path: cut))
    }

    @Test("A ledger that another process holds is locked after the busy timeout, and usable later")
    func locked() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/ledger.db"
        let holder = try await Ledger.open(path: path)
        let (isHeld, held) = AsyncStream.makeStream(of: Void.self)
        let release = DispatchSemaphore(value: 0)
        let holding = Task {
            try await holder.write { _ in
                held.finish()
                release.wait()
            }
        }
        for await _ in isHeld {}
        #expect(await failure(path) == .locked(path: path))
        // Reading is possible meanwhile.
        #expect(await failure(path, for: .reading) == nil)
        release.signal()
        try await holding.value
        #expect(await failure(path) == nil)
    }

    @Test(
        "A ledger whose creator was killed during its first write is recovered and used",
        arguments: [Ledger.Purpose.recording, .reading, .inspecting])
    func hotJournal(purpose: Ledger.Purpose) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/ledger.db"
        let making = try DatabaseQueue(path: path)
        _ = try await making.writeWithoutTransaction { try String.fetchOne($0, sql: "PRAGMA journal_mode = WAL") }
        try making.close()
        // The switch to WAL is the one transaction with a rollback journal: killed between the page's writing and the
        // journal's removal, it leaves this one, which states that the file had no page before. Source: SQLite's file format,
        // section 3.
        let magic: [UInt8] = [0xD9, 0xD5, 0x05, 0xF9, 0x20, 0xA1, 0x63, 0xD7]
        let counts: [UInt8] = [0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 16, 0]
        let journal = magic + counts + [UInt8](repeating: 0, count: 512 - magic.count - counts.count)
        try Data(journal).write(to: URL(fileURLWithPath: path + "-journal"))
        #expect(await failure(path, for: purpose) == nil)
        #expect(!FileManager.default.fileExists(atPath: path + "-journal"))
        let ledger = try await Ledger.open(path: path)
        #expect(try await ledger.history(now: LedgerFixtures.now) == [])
    }

    @Test("Recorded transactions are on the disk, not only in the page cache")
    func durability() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let ledger = try await Ledger.open(path: "\(folder.path)/ledger.db")
        // FULL: SQLite, "PRAGMA synchronous".
        #expect(try await ledger.write { try Int.fetchOne($0, sql: "PRAGMA synchronous") } == 2)
        #expect(try await ledger.write { try String.fetchOne($0, sql: "PRAGMA journal_mode") } == "wal")
    }

    @Test("A full disk is reported on opening")
    func full() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/ledger.db"
        await #expect(throws: LedgerError.diskFull(path: path)) {
            try await Ledger.open(path: path, options: .init(maximumPages: 16))
        }
    }

    @Test("A disk that fills up during a verification loses only that write")
    func fillsUp() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/ledger.db"
        let ledger = try await Ledger.open(path: path, options: .init(maximumPages: 56))
        let sha = try LedgerFixtures.sha("1")
        let first = try await ledger.begin(LedgerFixtures.run("1", sha: sha))
        let large = LedgerFixtures.run("2", sha: try LedgerFixtures.sha("2"), hosts: (0..<5_000).map { "host-\($0)" })
        await #expect(throws: LedgerError.diskFull(path: path)) { try await ledger.begin(large) }
        #expect(try await ledger.promotions(of: "canvas").map(\.generation) == [1])
        let transition = Report.Host.Transition(seconds: 1, status: .pending, reason: "x")
        try await ledger.append([.init(host: 0, number: 0, transition: transition)], to: first.verification)
    }

    @Test(
        "Each error has exit code 64 or 69, and names the path and the remedy",
        arguments: [
            (LedgerError.isDirectory(path: "/p"), Int32(64)), (.notWritable(path: "/p", reason: "r"), 64),
            (.notADatabase(path: "/p"), 64), (.notALedger(path: "/p"), 64), (.damaged(path: "/p"), 69),
            (.newerSchema(path: "/p", version: 2), 64), (.olderSchema(path: "/p", version: 1), 64),
            (.logUnreadable(path: "/p"), 64), (.absent(path: "/p"), 64),
            (.unknownVerification(id: "x", path: "/p"), 64), (.noVerification(path: "/p"), 64),
            (.noVerification(path: "/p", service: "x"), 64),
            (.locked(path: "/p"), 69), (.diskFull(path: "/p"), 69), (.failed(path: "/p", reason: "r"), 69),
        ])
    func messages(error: LedgerError, exitCode: Int32) {
        #expect(error.exitCode == exitCode)
        #expect(error.description.contains("'/p'"))
        #expect(error.description.contains(": "))
        #expect(!error.description.contains("\n"))
    }

    @Test("The path comes from the flag, systemd's directory or the user's, or is absent")
    func location() throws {
        func resolve(_ flag: String?, _ environment: [String: String]) throws -> String? {
            try LedgerPath.resolve(flag: flag, environment: environment)
        }
        let home = ["HOME": "/home/u"]
        #expect(try resolve("x.db", ["STATE_DIRECTORY": "/var/lib/b"]) == "x.db")
        #expect(try resolve("none", home) == nil)
        #expect(try resolve(nil, ["STATE_DIRECTORY": "/var/lib/b:/var/lib/c", "HOME": "/h"]) == "/var/lib/b/ledger.db")
        #expect(try resolve(nil, ["XDG_STATE_HOME": "/s", "HOME": "/h"]) == "/s/buildinfo/ledger.db")
        #expect(try resolve(nil, ["XDG_STATE_HOME": "s", "HOME": "/h"]) == "/h/.local/state/buildinfo/ledger.db")
        #expect(try resolve(nil, home) == "/home/u/.local/state/buildinfo/ledger.db")
        #expect(throws: LedgerError.noPlace) { try resolve(nil, [:]) }
        #expect(throws: LedgerError.emptyPath) { try resolve("", home) }
        #expect(LedgerError.noPlace.description.contains("--store"))
    }
}
