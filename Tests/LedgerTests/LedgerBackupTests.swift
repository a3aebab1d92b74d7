import Foundation
import GRDB
import Glibc
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Ledger
@testable import Reports
@testable import Verdict

@Suite("Backing up a ledger")
struct LedgerBackupTests {
    @Test(
        "A backup of each schema holds everything, keeps the schema, and is one file",
        arguments: 1...LedgerSchema.version)
    func contents(version: Int) async throws {
        try await withFolder { folder in
            let path = "\(folder)/ledger.db"
            try OldLedger.make(version: version, at: path)
            let before = try LedgerFiles.rows(path)
            let result = try await Ledger.backUp(
                path: path, to: "\(folder)/backup.db", replaces: false, now: LedgerFixtures.now)
            #expect(result.version == version)
            #expect(result.counts.verifications == 2)
            #expect(try LedgerFiles.rows("\(folder)/backup.db") == before)
            #expect(try LedgerFiles.rows(path) == before)
            #expect(try LedgerFiles.schema("\(folder)/backup.db") == version)
            #expect(try LedgerFiles.names(folder).filter { $0.hasPrefix("backup") } == ["backup.db"])
            #expect(result.text().hasSuffix("schema \(version), promotions 2, verifications 2; checked\n"))
        }
    }

    @Test("A backup taken while others record has everything that was recorded before, and is fine")
    func online() async throws {
        try await withFolder { folder in
            let path = "\(folder)/ledger.db"
            let ledger = try await Ledger.open(path: path)
            let recording = Task {
                var count = 0
                while !Task.isCancelled {
                    let run = LedgerFixtures.run(
                        "run-\(count)", sha: try LedgerFixtures.sha(count.isMultiple(of: 2) ? "1" : "2"),
                        hosts: (0..<50).map { "h\($0)" })
                    let start = try await ledger.begin(run)
                    try await ledger.finish(LedgerFixtures.report(run, generation: start.generation))
                    count += 1
                }
                return count
            }
            var last = 0
            for number in 0..<15 {
                let known = try await ledger.historyCount(HistoryFilter(), now: LedgerFixtures.now)
                let result = try await Ledger.backUp(
                    path: path, to: "\(folder)/\(number).db", replaces: false, now: LedgerFixtures.now)
                #expect(result.counts.verifications >= known)
                #expect(result.counts.verifications >= last)
                #expect(result.warnings.isEmpty)
                last = result.counts.verifications
                let condition = try await Ledger.inspect(path: "\(folder)/\(number).db", now: LedgerFixtures.now)
                #expect(condition.isFine, "\(condition.text())")
            }
            recording.cancel()
            #expect(try await recording.value > 5)
        }
    }

    @Test("A backup has the permissions of the ledger", arguments: [0o600, 0o640, 0o644] as [mode_t])
    func permissions(mode: mode_t) async throws {
        try await withFolder { folder in
            let path = try await LedgerFiles.make(in: folder)
            chmod(path, mode)
            let file = "\(folder)/backup.db"
            _ = try await Ledger.backUp(path: path, to: file, replaces: false, now: LedgerFixtures.now)
            #expect(try LedgerFiles.mode(file) == mode)
        }
    }

    private static let refusals: [(target: String, replaces: Bool, error: @Sendable (String) -> LedgerCopyError)] = [
        ("-", false, { _ in .notAFile }),
        ("-", true, { _ in .notAFile }),
        ("other.db", false, { .exists(path: "\($0)/other.db") }),
        ("ledger.db", false, { .isLedger(path: "\($0)/ledger.db") }),
        ("ledger.db", true, { .isLedger(path: "\($0)/ledger.db") }),
        ("link.db", true, { .isLedger(path: "\($0)/link.db") }),
        ("hard.db", true, { .isLedger(path: "\($0)/hard.db") }),
        ("folder", true, { .isDirectory(path: "\($0)/folder") }),
        ("new/", true, { .isDirectory(path: "\($0)/new/") }),
        ("absent/b.db", true, { .missingFolder(path: "\($0)/absent/b.db") }),
    ]

    @Test("A path that cannot hold a backup is refused with 64, and nothing changes", arguments: refusals.indices)
    func refused(index: Int) async throws {
        let (target, replaces, error) = Self.refusals[index]
        try await withFolder { folder in
            let path = try await LedgerFiles.make(in: folder)
            try Data("kept".utf8).write(to: URL(fileURLWithPath: "\(folder)/other.db"))
            symlink(path, "\(folder)/link.db")
            link(path, "\(folder)/hard.db")
            mkdir("\(folder)/folder", 0o700)
            let before = try LedgerFiles.contents(folder)
            await #expect(throws: error(folder)) {
                try await Ledger.backUp(
                    path: path, to: target == "-" ? target : "\(folder)/\(target)", replaces: replaces,
                    now: LedgerFixtures.now)
            }
            #expect(error(folder).exitCode == 64)
            #expect(try LedgerFiles.contents(folder) == before)
        }
    }

    @Test("An existing backup is replaced on request, and a log or journal beside it does not end up in the new one")
    func replaced() async throws {
        try await withFolder { folder in
            let path = try await LedgerFiles.make(in: folder)
            let file = "\(folder)/backup.db"
            for name in ["backup.db", "backup.db-journal", "backup.db-wal", "backup.db-shm"] {
                try Data("former".utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
            }
            _ = try await Ledger.backUp(path: path, to: file, replaces: true, now: LedgerFixtures.now)
            #expect(try LedgerFiles.names(folder).filter { $0.hasPrefix("backup") } == ["backup.db"])
            #expect(try LedgerFiles.rows(file) == LedgerFiles.rows(path))
        }
    }

    @Test("A damaged ledger is not backed up, and an earlier backup stays")
    func damaged() async throws {
        try await withFolder { folder in
            let path = try await LedgerFiles.make(in: folder, hosts: 300)
            let file = "\(folder)/backup.db"
            _ = try await Ledger.backUp(path: path, to: file, replaces: false, now: LedgerFixtures.now)
            let before = try Data(contentsOf: URL(fileURLWithPath: file))
            try LedgerFiles.damage(path)
            let error = await #expect(throws: LedgerCopyError.self) {
                try await Ledger.backUp(path: path, to: file, replaces: true, now: LedgerFixtures.now)
            }
            #expect(error?.exitCode == 69)
            #expect(error?.description.contains("is damaged") == true, "\(error as Any)")
            #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == before)
            #expect(try LedgerFiles.names(folder).allSatisfy { !$0.hasSuffix(".partial") })
        }
    }

    @Test("A full disk leaves no half backup, and an earlier one stays")
    func fullDisk() async throws {
        try await withFolder { folder in
            let path = try await LedgerFiles.make(in: folder, hosts: 300)
            let disk = "\(folder)/disk"
            mkdir(disk, 0o700)
            guard mount("tmpfs", disk, "tmpfs", 0, "size=96k") == 0 else {
                throw MissingPart("the right to mount a file system", remedy: "run the tests as root")
            }
            defer { umount(disk) }
            let file = "\(disk)/backup.db"
            try Data("earlier".utf8).write(to: URL(fileURLWithPath: file))
            await #expect(throws: LedgerCopyError.diskFull(path: file)) {
                try await Ledger.backUp(path: path, to: file, replaces: true, now: LedgerFixtures.now)
            }
            #expect(try LedgerFiles.names(disk) == ["backup.db"])
            #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == Data("earlier".utf8))
        }
    }

    @Test("A signal ends it with its own exit code, and nothing is left")
    func interrupted() async throws {
        try await withFolder { folder in
            let path = try await LedgerFiles.make(in: folder)
            let error = await #expect(throws: LedgerCopyError.self) {
                try await Ledger.backUp(
                    path: path, to: "\(folder)/backup.db", replaces: false, now: LedgerFixtures.now,
                    monitor: LedgerCopyMonitor(signal: { SIGTERM }))
            }
            #expect(error?.exitCode == 143)
            #expect(try LedgerFiles.names(folder).allSatisfy { !$0.hasPrefix("backup") })
        }
    }

    @Test("What a killed backup left behind is removed by the next one; that of a running one stays")
    func abandoned() async throws {
        try await withFolder { folder in
            let path = try await LedgerFiles.make(in: folder)
            let (abandoned, running) = ("backup.db.0badc0de.partial", "backup.db.00000001.partial")
            for name in [abandoned, "\(abandoned)-journal", running] {
                try Data("half".utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
            }
            let descriptor = open("\(folder)/\(running)", O_RDWR | O_CLOEXEC)
            defer { close(descriptor) }
            #expect(flock(descriptor, LOCK_EX) == 0)
            _ = try await Ledger.backUp(path: path, to: "\(folder)/backup.db", replaces: false, now: LedgerFixtures.now)
            #expect(try LedgerFiles.names(folder).filter { $0.hasPrefix("backup") } == ["backup.db", running])
        }
    }

    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await body(folder.path)
    }
}

@Suite("Restoring a ledger")
struct LedgerRestoreTests {
    private enum Present: CaseIterable, Sendable { case usable, newer, missing, staleLog, damaged, noDatabase, empty }

    @Test("The backup takes the place of any ledger, and the replaced one is kept", arguments: Present.allCases)
    private func places(present: Present) async throws {
        try await withBackup { folder, path, backup in
            let wanted = try LedgerFiles.rows(backup)
            let newest = try LedgerFiles.rows(path)
            switch present {
            case .usable: break
            case .newer: try tamper(path, "PRAGMA user_version = 99")
            case .missing: try FileManager.default.removeItem(atPath: path)
            case .staleLog: try await leaveLog(path)
            case .damaged: try LedgerFiles.damage(path)
            case .noDatabase: try Data("scribble".utf8).write(to: URL(fileURLWithPath: path))
            case .empty: try Data().write(to: URL(fileURLWithPath: path))
            }
            let result = try await Ledger.restore(path: path, from: backup, now: LedgerFixtures.now)
            #expect(try LedgerFiles.rows(path) == wanted)
            #expect(try LedgerFiles.mode(path) == 0o600)
            #expect(result.counts.verifications == 1)
            let condition = try await Ledger.inspect(path: path, now: LedgerFixtures.now)
            #expect(condition.isFine, "\(condition.text())")
            guard let replaced = result.replaced else {
                #expect([.missing, .staleLog].contains(present))
                return
            }
            #expect(replaced.hasPrefix("\(path).replaced-202611"))
            switch present {
            case .usable: #expect(try LedgerFiles.rows(replaced) == newest)
            case .newer: #expect(try LedgerFiles.schema(replaced) == 99)
            case .noDatabase: #expect(try String(contentsOfFile: replaced, encoding: .utf8) == "scribble")
            default: break
            }
        }
    }

    /// Leaves the log of a ledger whose file is gone.
    private func leaveLog(_ path: String) async throws {
        let ledger = try await Ledger.open(path: path)
        _ = try await ledger.begin(LedgerFixtures.run("logged", sha: try LedgerFixtures.sha("7")))
        let log = try Data(contentsOf: URL(fileURLWithPath: "\(path)-wal"))
        try await ledger.close()
        try FileManager.default.removeItem(atPath: path)
        try log.write(to: URL(fileURLWithPath: "\(path)-wal"))
    }

    @Test("The schema stays the backup's, so that its collector can use it", arguments: 1...LedgerSchema.version)
    func schemas(version: Int) async throws {
        try await withBackup { folder, path, _ in
            let backup = "\(folder)/former.db"
            try OldLedger.make(version: version, at: backup)
            let result = try await Ledger.restore(path: path, from: backup, now: LedgerFixtures.now)
            #expect(result.version == version)
            #expect(try LedgerFiles.schema(path) == version)
            #expect(try LedgerFiles.rows(path) == LedgerFiles.rows(backup))
        }
    }

    @Test("What only the backup's log holds is restored, too")
    func openBackup() async throws {
        try await withBackup { folder, path, _ in
            let other = try await Ledger.open(path: "\(folder)/other.db")
            _ = try await other.begin(LedgerFixtures.run("logged", sha: try LedgerFixtures.sha("7")))
            let log = try FileManager.default.attributesOfItem(atPath: "\(folder)/other.db-wal")[.size] as? Int
            #expect(log ?? 0 > 0)
            let result = try await Ledger.restore(path: path, from: "\(folder)/other.db", now: LedgerFixtures.now)
            #expect(result.counts.verifications == 1)
            #expect(try await Ledger.open(path: path, for: .reading).promotions(of: "canvas").count == 1)
        }
    }

    @Test("A reader that has the ledger open sees the restored one whole")
    func openReader() async throws {
        try await withBackup { _, path, backup in
            let reader = try await Ledger.open(path: path, for: .reading)
            #expect(try await reader.promotions(of: "canvas").count == 2)
            _ = try await Ledger.restore(path: path, from: backup, now: LedgerFixtures.now)
            #expect(try await reader.promotions(of: "canvas").count == 1)
            try await reader.close()
        }
    }

    @Test("A running verification or an open promotion is not lost, unless that is requested")
    func openWork() async throws {
        try await withBackup { _, path, backup in
            let ledger = try await Ledger.open(path: path)
            let intent = JournalEntry.Intent(
                id: "move", kind: .promotion, service: .canvas(in: "production"), repository: "r/canvas", tag: "latest",
                source: "s", digest: try LedgerFixtures.digest("a"), actor: "ci", contexts: [:],
                intendedAt: "2026-11-29T00:00:00.000Z")
            guard case .recorded(let entry) = try await ledger.intend(intent) else { return }
            try await ledger.close()
            let before = try LedgerFiles.rows(path)
            let open = LedgerCopyError.openChange(path: path, entry)
            #expect(open.description.contains("an open promotion of canvas to production (move, since 2026-11-29"))
            await #expect(throws: open) { try await Ledger.restore(path: path, from: backup, now: LedgerFixtures.now) }

            let again = try await Ledger.open(path: path)
            _ = try await again.settle(entry, as: .unmoved, at: LedgerFixtures.now)
            _ = try await again.begin(LedgerFixtures.run("running", sha: try LedgerFixtures.sha("5")))
            try await again.close()
            let running = LedgerCopyError.running(path: path, id: "running")
            await #expect(throws: running) {
                try await Ledger.restore(path: path, from: backup, now: LedgerFixtures.now)
            }
            #expect(open.exitCode == 69)
            #expect(running.exitCode == 69)
            #expect(try LedgerFiles.rows(path).isSuperset(of: before.filter { !$0.hasPrefix("journal") }))
            let result = try await Ledger.restore(
                path: path, from: backup, ignoresOpenWork: true, now: LedgerFixtures.now)
            #expect(try LedgerFiles.rows(path) == LedgerFiles.rows(backup))
            #expect(result.replaced != nil)
        }
    }

    private enum Bad: CaseIterable, Sendable {
        case damaged, text, otherProgram, newer, missing, empty, itself, folder, stream
    }

    @Test("A file that is no usable backup is refused, and the ledger stays as it is", arguments: Bad.allCases)
    private func refused(bad: Bad) async throws {
        try await withBackup { folder, path, backup in
            var file = backup
            var code: Int32 = 64
            switch bad {
            case .damaged:
                try LedgerFiles.damage(backup)
                code = 69
            case .text: try Data("text".utf8).write(to: URL(fileURLWithPath: backup))
            case .otherProgram: try tamper(backup, "PRAGMA application_id = 7")
            case .newer: try tamper(backup, "PRAGMA user_version = 99")
            case .missing: file = "\(folder)/absent.db"
            case .empty: try Data().write(to: URL(fileURLWithPath: backup))
            case .itself: file = path
            case .folder: file = folder
            case .stream: file = "-"
            }
            let before = try LedgerFiles.rows(path)
            let error = await #expect(throws: LedgerCopyError.self) {
                try await Ledger.restore(path: path, from: file, now: LedgerFixtures.now)
            }
            #expect(error?.exitCode == code, "\(error as Any)")
            #expect(try LedgerFiles.rows(path) == before)
            #expect(try LedgerFiles.names(folder).allSatisfy { !$0.contains("replaced") && !$0.hasSuffix("partial") })
        }
    }

    @Test("Another program's database is never overwritten")
    func otherProgram() async throws {
        try await withBackup { _, path, backup in
            try tamper(path, "PRAGMA application_id = 7")
            await #expect(throws: LedgerError.notALedger(path: path)) {
                try await Ledger.restore(path: path, from: backup, ignoresOpenWork: true, now: LedgerFixtures.now)
            }
            #expect(try LedgerFiles.schema(path) == LedgerSchema.version)
        }
    }

    /// A backup with one promotion, and the ledger, which has got another one since.
    private func withBackup(_ body: (String, String, String) async throws -> Void) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = try await LedgerFiles.make(in: folder.path, hosts: 300)
        let backup = "\(folder.path)/backup.db"
        _ = try await Ledger.backUp(path: path, to: backup, replaces: false, now: LedgerFixtures.now)
        let ledger = try await Ledger.open(path: path)
        let run = LedgerFixtures.run("later", sha: try LedgerFixtures.sha("8"))
        let start = try await ledger.begin(run)
        try await ledger.finish(LedgerFixtures.report(run, generation: start.generation))
        try await ledger.close()
        try await body(folder.path, path, backup)
    }
}

/// Ledgers as files.
enum LedgerFiles {
    /// A closed ledger with one finished verification.
    static func make(in folder: String, hosts: Int = 3) async throws -> String {
        let path = "\(folder)/ledger.db"
        let ledger = try await Ledger.open(path: path)
        let run = LedgerFixtures.run("first", sha: try LedgerFixtures.sha("1"), hosts: (0..<hosts).map { "h\($0)" })
        let start = try await ledger.begin(run)
        try await ledger.finish(LedgerFixtures.report(run, generation: start.generation))
        try await ledger.close()
        return path
    }

    /// Overwrites a page in the middle of the hosts.
    static func damage(_ path: String) throws {
        let page = try DatabaseQueue(path: path).read { db in
            try Int.fetchOne(
                db, sql: "SELECT pageno FROM dbstat WHERE name = 'hosts' AND pagetype = 'leaf' LIMIT 1 OFFSET 2")
        }
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try file.seek(toOffset: UInt64(((page ?? 2) - 1) * 4_096))
        try file.write(contentsOf: Data(repeating: 0xFF, count: 4_096))
        try file.close()
    }

    /// Every row of every table, read without the collector's code.
    static func rows(_ path: String) throws -> Set<String> {
        var configuration = Configuration()
        configuration.readonly = true
        return try DatabaseQueue(path: path, configuration: configuration).read { db in
            var rows: Set<String> = []
            for table in ["promotions", "verifications", "hosts", "transitions", "journal", "manifests"]
            where try db.tableExists(table) {
                let cursor = try Row.fetchCursor(db, sql: "SELECT * FROM \(table)")
                while let row = try cursor.next() { rows.insert("\(table) \(row)") }
            }
            return rows
        }
    }

    static func schema(_ path: String) throws -> Int? {
        var configuration = Configuration()
        configuration.readonly = true
        return try DatabaseQueue(path: path, configuration: configuration).read {
            try Int.fetchOne($0, sql: "PRAGMA user_version")
        }
    }

    static func mode(_ path: String) throws -> mode_t {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return mode_t(try #require(attributes[.posixPermissions] as? Int))
    }

    static func names(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    /// The files' contents by name, without SQLite's own companions of the ledger.
    static func contents(_ folder: String) throws -> [String: Data] {
        let names = try names(folder).filter { !$0.hasPrefix("ledger.db-") && $0 != "folder" }
        return Dictionary(
            uniqueKeysWithValues: try names.map { ($0, try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)"))) })
    }
}
