import Foundation
import Glibc
import Support
import Testing

@testable import EndToEndFixtures

/// Kills the service with SIGKILL while verifications are under way, and starts it again on the same ledger.
///
/// To repeat a run: `BUILDINFO_CRASH_SEED=7 swift test --filter KilledServiceTests`; more: `BUILDINFO_SERVICE_KILLS=100`.
@Suite("Service, killed", .serialized, .timeLimit(.minutes(20)))
struct KilledServiceTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let seed = environment["BUILDINFO_CRASH_SEED"].flatMap(UInt64.init) ?? .random(in: 0...999_999)
    private static let wanted = environment["BUILDINFO_SERVICE_KILLS"].flatMap(Int.init)
    private static let kills = wanted ?? 5

    @Test("A service killed at any moment keeps what it acknowledged, and shows nothing green that is not proven anew")
    func killed() async throws {
        print("BUILDINFO_CRASH_SEED=\(Self.seed)")
        let folder = try TemporaryFolder()
        let fleet = try await FileFleet.start(3, in: folder)
        var lane = KilledService(fleet: fleet, folder: folder, seed: Self.seed)
        for _ in 0..<Self.kills { try await lane.killOnce() }
        try await lane.checkAll()
        let moments = lane.moments
        print(
            "killed \(lane.rounds): acknowledged \(moments.acknowledged), of which interrupted \(moments.interrupted), "
                + "verdicts that were read \(moments.read), others \(moments.unread); every fleet was fresh again after at most "
                + "\(moments.slowest)")
        #expect(lane.rounds == Self.kills)
        // Otherwise the test has proven nothing.
        #expect(moments.acknowledged > 0)
        guard Self.wanted != nil else { return }
        #expect(moments.interrupted > Self.kills / 4)
        #expect(moments.read > 0)
        #expect(moments.slowest <= .seconds(5), "standing checks resume within 5 s")
    }
}

/// A service that is started again and again on one ledger, and killed each time.
private struct KilledService {
    struct Moments {
        /// Verifications whose 201 was received, by what they are after the restart.
        var acknowledged = 0
        var interrupted = 0
        var read = 0
        var unread = 0
        /// The longest time from the start of a process to a fresh fleet.
        var slowest = Duration.zero
    }

    /// What a client knows of a verification.
    private struct Known {
        let target: String
        /// The verdict that was read; nil before that.
        var verdict: String?
        /// True once its state after a restart was checked, which must not change any more.
        var isSettled = false
    }

    private(set) var moments = Moments()
    private(set) var rounds = 0
    private let fleet: FileFleet
    private let folder: TemporaryFolder
    private var random: SplitMix64
    private var known: [String: Known] = [:]
    private var keys = 0

    private static let soak = Duration.seconds(1)

    init(fleet: FileFleet, folder: TemporaryFolder, seed: UInt64) {
        self.fleet = fleet
        self.folder = folder
        random = SplitMix64(seed: seed)
    }

    private var entry: String {
        """
          - service: canvas
            environment: production
            inventory: \(folder.path("fleet.yaml"))
            policy: {soak: 1s, timeout: 3s, interval: 500ms}
            check: {interval: 1s}
        """
    }

    /// Starts the service, checks what it knows, starts verifications, and kills it at some moment.
    mutating func killOnce() async throws {
        rounds += 1
        let clock = ContinuousClock()
        let start = clock.now
        let service = try await ServedCollector.start(fleets: entry, in: folder)
        try await checkRestart(service, since: start)
        // One that all hosts prove, and one that none does.
        let targets = [FileFleet.commit, FileFleet.other].shuffled(using: &random)
        var ids: [String] = []
        let isDuringPost = random.chance(25)
        for target in targets {
            keys += 1
            if isDuringPost, target == targets.last {
                // Killed while the request is under way, from another thread.
                let (process, delay) = (service.program.processID, random.pick(0, 60_000))
                DispatchQueue.global().asyncAfter(deadline: .now() + .microseconds(delay)) { kill(process, SIGKILL) }
                if let id = Self.post(target, key: "\(keys)", to: service) { ids.append(id) }
                known.merge(ids.map { ($0, Known(target: target)) }) { old, _ in old }
                break
            }
            let id = try #require(Self.post(target, key: "\(keys)", to: service), "\(service.program.error)")
            known[id] = Known(target: target)
            ids.append(id)
        }
        if !isDuringPost {
            let limit = clock.now + .milliseconds(random.pick(0, 3_800))
            repeat {
                for id in ids where known[id]?.verdict == nil {
                    guard let found = try? service.object("/api/v1/verifications/\(id)"),
                        found["state"] as? String == "finished"
                    else { continue }
                    known[id]?.verdict = (found["report"] as? [String: Any])?["verdict"] as? String
                }
                try await Task.sleep(for: .milliseconds(10))
            } while clock.now < limit
        }
        service.program.signal(SIGKILL)
        _ = try await service.program.wait()
    }

    /// The id of a verification that was acknowledged; nil if no whole answer arrived.
    private static func post(_ target: String, key: String, to service: ServedCollector) -> String? {
        var request = LoopbackRequest("POST", service.authority, "/api/v1/verifications")
        request.headers = [
            ("Authorization", "Bearer \(ServedCollector.verifyToken)"), ("Idempotency-Key", key),
        ]
        request.body = Array(#"{"service": "canvas", "environment": "production", "git_sha": "\#(target)"}"#.utf8)
        guard let answer = request.answer(), answer.status == 201 else { return nil }
        return answer.text.firstMatch(of: /"id":"([^"]+)"/).map { String($0.output.1) }
    }

    private mutating func checkRestart(_ service: ServedCollector, since start: ContinuousClock.Instant) async throws {
        let clock = ContinuousClock()
        var isFresh = false
        try await eventually("the standing check resumes", within: .seconds(60)) {
            let fleet = try service.fleet()
            let age = clock.now - start
            // No process can have watched its hosts for longer than it ran.
            if age < Self.soak { #expect(fleet["proven"] as? Int == 0, "green before a soak: \(fleet)") }
            isFresh = fleet["fresh"] as? Bool == true
            if isFresh { moments.slowest = max(moments.slowest, age) }
            return isFresh
        }
        for id in known.keys.sorted() where known[id]?.isSettled == false { try await settle(id, service) }
    }

    /// Compares a verification after the restart with what was known before it.
    private mutating func settle(_ id: String, _ service: ServedCollector) async throws {
        guard let before = known[id] else { return }
        let found = try service.object("/api/v1/verifications/\(id)")
        #expect(found["state"] as? String == "finished", "\(id)")
        let verdict = try #require((found["report"] as? [String: Any])?["verdict"] as? String)
        moments.acknowledged += 1
        if let read = before.verdict {
            #expect(verdict == read, "\(id) was \(read)")
            moments.read += 1
        } else if verdict == "interrupted" {
            moments.interrupted += 1
        } else {
            moments.unread += 1
        }
        if before.target == FileFleet.other { #expect(!verdict.hasPrefix("converged"), "\(id)") }
        if verdict != "interrupted" {
            // Its own evidence proves it.
            let evidence = try service.answer("GET", "/api/v1/verifications/\(id)/evidence.ndjson")
            #expect(evidence.status == 200)
            let replay = try await Program.collector().run(
                ["replay", try folder.write("evidence.ndjson", evidence.text)])
            let exitCode = (found["report"] as? [String: Any])?["exit_code"] as? Int
            #expect(replay.exitCode == exitCode.map(Int32.init), "\(replay.output)\(replay.error)")
        }
        known[id]?.verdict = verdict
        known[id]?.isSettled = true
    }

    /// Checks once more everything that was ever acknowledged, and the ledger itself.
    mutating func checkAll() async throws {
        let service = try await ServedCollector.start(fleets: entry, in: folder)
        try await checkRestart(service, since: .now)
        for (id, before) in known {
            let found = try service.object("/api/v1/verifications/\(id)")
            #expect((found["report"] as? [String: Any])?["verdict"] as? String == before.verdict, "\(id)")
        }
        try await eventually("the fleet is proven after a soak") { try service.fleet()["fresh"] as? Bool == true }
        service.program.signal(SIGTERM)
        #expect(try await service.program.wait().exitCode == 0)
        try await Program.collector().succeed(["ledger", "check", "--store", folder.path("ledger.db")])
    }
}
