import Foundation
import GRDB
import Glibc
import Support
import Testing

/// Successive verifications of one service, each killed at some moment, while a reader watches the ledger.
struct KilledVerifications: Sendable {
    enum Place: Sendable {
        case shared(String)
        /// New ledgers, created by the verification or by an older collector, to include kills during the creation.
        case new(in: TemporaryFolder)
    }

    /// The number of kills in each phase of a verification.
    struct Moments: Sendable {
        var early = 0
        var running = 0
        var ended = 0
        /// Changes that the reader had seen.
        var changes = 0

        var all: Int { early + running + ended }

        mutating func add(_ other: Moments) {
            early += other.early
            running += other.running
            ended += other.ended
            changes += other.changes
        }
    }

    private(set) var moments = Moments()
    private let fleet: FlappingFleet
    private let service: String
    private let place: Place
    private var random: SplitMix64
    private var path = ""
    private var ledgers = 0
    /// The final changes of each earlier verification.
    private var settled: [Int64: Set<LedgerRows.Change>] = [:]

    init(fleet: FlappingFleet, service: String, place: Place, seed: UInt64) {
        self.fleet = fleet
        self.service = service
        self.place = place
        random = SplitMix64(seed: seed)
    }

    /// The moment of a kill, mostly relative to changes that the reader sees, so that it does not depend on the
    /// machine's speed.
    private enum Moment {
        /// A time after the start.
        case start(Duration)
        /// A time after a number of changes.
        case changes(Int, Duration)
        /// A time after the deadline, which is estimated from the first change.
        case end(Duration)
    }

    private static let timeout = Duration.milliseconds(400)

    mutating func killOnce() async throws {
        try await choosePlace()
        let moment: Moment =
            switch random.pick(0, 9) {
            case 0...1: .start(.milliseconds(random.pick(0, 200)))
            case 2...7: .changes(random.pick(1, 12), .milliseconds(random.pick(0, 30)))
            default: .end(.milliseconds(random.pick(-100, 60)))
            }
        let running = try fleet.verify(service: service, store: path, timeout: "400ms")
        let seen = try await watch(running, until: moment)
        running.signal(SIGKILL)
        let outcome = try await running.wait()
        moments.changes += seen.values.reduce(0) { $0 + $1.count }
        try await check(seen, outcome)
    }

    private mutating func choosePlace() async throws {
        switch place {
        case .shared(let path): self.path = path
        case .new(let folder):
            guard ledgers == 0 || random.pick(0, 2) == 0 else { return }
            try await checkAll()
            ledgers += 1
            path = folder.path("\(service)-\(ledgers).db")
            settled = [:]
            if random.pick(0, 1) == 0 {
                try LedgerRows.makeVersion1(at: path)
                settled = try await LedgerRows(path: path).changes(service: service)
            }
        }
    }

    /// Reads the ledger until the moment or the program's end. Changes that were seen once must remain.
    private func watch(_ running: RunningProgram, until moment: Moment) async throws -> [Int64: Set<LedgerRows.Change>]
    {
        let clock = ContinuousClock()
        let start = clock.now
        let rows = LedgerRows(path: path)
        let last = settled.keys.max() ?? 0
        var seen: [Int64: Set<LedgerRows.Change>] = [:]
        var firstChange: ContinuousClock.Instant?
        while running.exitCode == nil {
            if case .start(let duration) = moment {
                // The ledger is not read, so that only the program itself creates or repairs it.
                try await Task.sleep(until: start + duration)
                return [:]
            }
            let now = try await rows.changes(service: service, after: last)
            for (number, changes) in seen {
                #expect(changes.isSubset(of: now[number] ?? []), "changes vanished while the collector ran")
            }
            seen = now
            let count = now.values.reduce(0) { $0 + $1.count }
            if count > 0, firstChange == nil { firstChange = clock.now }
            switch moment {
            case .changes(let wanted, let after) where count >= wanted:
                try await Task.sleep(for: after)
                return seen
            case .end(let after):
                if let firstChange, clock.now >= firstChange + Self.timeout + after { return seen }
            default: break
            }
            try await Task.sleep(for: .milliseconds(5))
        }
        return seen
    }

    private struct Listing: Decodable {
        struct Entry: Decodable {
            var id: String
            var state: String
            var verdict: String?
        }

        var verifications: [Entry]
    }

    private mutating func check(_ seen: [Int64: Set<LedgerRows.Change>], _ outcome: RunningProgram.Outcome) async throws
    {
        let collector = try Program.collector()
        let wasKilled = outcome.exitCode == 128 + SIGKILL
        guard FileManager.default.fileExists(atPath: path) else {
            #expect(wasKilled && seen.isEmpty, "\(outcome.error)")
            moments.early += 1
            return
        }
        let checked = try await collector.run(["ledger", "check", "--store", path])
        #expect(checked.exitCode == 0, "\(checked.output)\(checked.error)")
        let history = try await collector.succeed(
            ["history", "--service", service, "--format", "json", "--store", path, "--limit", "1000"])
        let entries = try JSONDecoder().decode(Listing.self, from: Data(history.utf8)).verifications
        let now = try await LedgerRows(path: path).changes(service: service)
        for (number, changes) in settled { #expect(now[number] == changes, "an earlier verification changed") }
        for (number, changes) in seen {
            #expect(
                changes.isSubset(of: now[number] ?? []), "changes were lost: \(changes.subtracting(now[number] ?? []))")
        }
        #expect(entries.count == now.count)
        #expect(!entries.contains { $0.state == "running" })
        if now.count == settled.count {
            moments.early += 1
        } else {
            #expect(now.count == settled.count + 1)
            let entry = try #require(entries.first)
            if entry.state == "interrupted" {
                #expect(wasKilled && entry.verdict == "interrupted")
                moments.running += 1
            } else {
                #expect(entry.verdict.map { !$0.hasPrefix("converged") } == true)
                moments.ended += 1
            }
        }
        settled = now
    }

    /// Checks again all changes of the service that the ledger ever had.
    func checkAll() async throws {
        guard !settled.isEmpty else { return }
        #expect(try await LedgerRows(path: path).changes(service: service) == settled)
        try await Program.collector().succeed(["ledger", "check", "--store", path])
    }
}
