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

/// A sequence of ledgers whose writers are killed, each at some point of its work.
struct CrashLane {
    /// The times of the kills.
    struct Moments: Sendable {
        var early = 0
        var recording = 0
        var between = 0
        var acknowledged = 0

        mutating func add(_ other: Moments) {
            early += other.early
            recording += other.recording
            between += other.between
            acknowledged += other.acknowledged
        }
    }

    private(set) var moments = Moments()
    private var random: SplitMix64
    private let folder: TemporaryFolder
    private var path = ""
    private var ledgers = 0
    private var runs = 0
    /// The required contents of each verification, as they were after the kill that ended it.
    private var rows: [String: Set<Row>] = [:]
    /// Verifications whose end was acknowledged, or was found complete.
    private var finished: Set<String> = []

    private typealias Row = CrashWriter.Change

    init(seed: UInt64) throws {
        random = SplitMix64(seed: seed)
        folder = try TemporaryFolder()
    }

    /// Starts a writer, lets it be killed, and checks the ledger.
    mutating func killOnce() async throws {
        // Sometimes a new ledger, or an older collector's, so that kills happen while one is created or migrated.
        let isNew = ledgers == 0 || random.chance(15)
        if isNew { try await startLedger() }
        runs += 1
        let acknowledgements = folder.path("acknowledged-\(runs)")
        // Some kills happen while it opens the ledger, most shortly after a step, depending on the machine's load.
        let step = random.chance(isNew ? 60 : 20) ? 0 : random.pick(1, 40)
        let delay = random.pick(0, step == 0 ? 40_000 : 10_000)
        let (path, prefix, seed) = (path, "\(runs)", random.next())
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [
                path = path as String, prefix = prefix as String, acknowledgements = acknowledgements as String,
                step = step as Int, delay = delay as Int, seed = seed as UInt64
            ] in
            let writer = CrashWriter(path: path, prefix: prefix, acknowledgements: acknowledgements, seed: seed)
            try await writer.write { count in
                guard count == step else { return }
                // Killed from another thread, in the middle of the writer's next action.
                DispatchQueue.global().asyncAfter(deadline: .now() + .microseconds(delay)) { kill(getpid(), SIGKILL) }
            }
        }
        try await check(CrashWriter.Acknowledged(reading: acknowledgements))
    }

    private mutating func startLedger() async throws {
        try await checkAll()
        ledgers += 1
        path = folder.path("\(ledgers).db")
        rows = [:]
        finished = []
        if random.chance(50) {
            try OldLedger.make(version: random.pick(1, LedgerSchema.version - 1), at: path)
            rows = try await recorded()
            finished = ["v1-one"]
        }
    }

    private mutating func check(_ acknowledged: CrashWriter.Acknowledged) async throws {
        moments.acknowledged += acknowledged.changes.values.reduce(0) { $0 + $1.count }
        switch acknowledged.last {
        case nil: moments.early += 1
        case .began?, .changed?: moments.recording += 1
        case .finished?: moments.between += 1
        }
        guard FileManager.default.fileExists(atPath: path) else {
            #expect(acknowledged.last == nil)
            return
        }
        let condition = try await Ledger.inspect(path: path, now: Date())
        #expect(condition.isFine, "\(condition.text())")
        let now = try await recorded()
        for (id, before) in rows { #expect(now[id] == before, "verification \(id) changed") }
        for (id, changes) in acknowledged.changes {
            let lost = changes.subtracting(now[id] ?? [])
            #expect(lost.isEmpty, "of \(id) are lost: \(lost.sorted { ($0.host, $0.number) < ($1.host, $1.number) })")
        }
        rows = now
        let ledger = try await Ledger.open(path: path, for: .reading)
        for entry in try await ledger.history(limit: 10_000, now: Date()) {
            if acknowledged.finished.contains(entry.id) || finished.contains(entry.id) {
                #expect(entry.verdict == CrashWriter.verdict || entry.id == "v1-one")
                finished.insert(entry.id)
            } else if entry.verdict == .interrupted {
                #expect(entry.exitCode == nil)
            } else {
                // Its end was recorded, and the kill came before the acknowledgement.
                #expect(entry.verdict == CrashWriter.verdict)
                finished.insert(entry.id)
            }
        }
        // A finished verification has its exact report.
        if let last = acknowledged.finished.last {
            let report = try await ledger.report(last, now: Date())
            #expect(report.hosts.count == CrashWriter.hosts)
            #expect(report.hosts.allSatisfy { $0.reason == "it did" })
        }
    }

    /// Checks the whole ledger again through a writer, which merges the log of the killed ones.
    func checkAll() async throws {
        guard !rows.isEmpty else { return }
        let ledger = try await Ledger.open(path: path)
        for id in rows.keys {
            let report = try await ledger.report(id, now: Date())
            #expect(report.verdict == .interrupted || finished.contains(id))
        }
        try await ledger.close()
        #expect(try await recorded() == rows)
        let condition = try await Ledger.inspect(path: path, now: Date())
        #expect(condition.isFine, "\(condition.text())")
    }

    /// Every transition of every verification, read without the collector's code.
    private func recorded() async throws -> [String: Set<Row>] {
        var configuration = Configuration()
        configuration.busyMode = .timeout(10)
        return try await DatabaseQueue(path: path, configuration: configuration).read { db in
            guard try db.tableExists("transitions") else { return [:] }
            var rows: [String: Set<Row>] = [:]
            for id in try String.fetchAll(db, sql: "SELECT id FROM verifications") { rows[id] = [] }
            let cursor = try GRDB.Row.fetchCursor(
                db,
                sql: """
                    SELECT id, host, t.number, seconds, label FROM transitions t
                    JOIN verifications v ON v.number = verification
                    """)
            while let row = try cursor.next() {
                rows[row[0], default: []].insert(Row(host: row[1], number: row[2], seconds: row[3], status: row[4]))
            }
            return rows
        }
    }
}
