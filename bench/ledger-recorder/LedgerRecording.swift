import ArgumentParser
import CollectorSupport
import FoundationEssentials
import Glibc
import Ledger
import Reports
import Shared
import Verdict

/// Records verifications in a ledger as the collector does, and measures each step, for bench/ledger.sh.
@main
struct LedgerRecording: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "buildinfo-ledger-recorder",
        abstract: "Records verifications of made-up fleets, and prints the processor and wall time of each step.")

    @Argument(help: "The ledger; created if it is missing.") var path: String
    @Option(help: ArgumentHelp("Number of verifications, 1 or more.", valueName: "n")) var verifications = 500
    @Option(help: ArgumentHelp("Number of hosts of each, 2 or more.", valueName: "n")) var hosts = 500
    @Option(help: ArgumentHelp("Number of services, which take turns.", valueName: "n")) var services = 5
    @Option(help: ArgumentHelp("Number of changes of each host.", valueName: "n")) var transitions = 4

    mutating func validate() throws {
        guard verifications >= 1, hosts >= 2, services >= 1, transitions >= 1 else {
            throw ValidationError("the number of verifications, hosts, services or changes is too small")
        }
    }

    func run() async throws {
        let ledger = try await Ledger.open(path: path)
        var steps = (begin: Measurement(), append: Measurement(), finish: Measurement(), close: Measurement())
        for number in 1...verifications {
            let fleet = try Fleet(number: number, of: self)
            let record = fleet.record
            let started = try await steps.begin.measure { try await ledger.begin(record) }
            let recorder = LedgerRecorder(ledger: ledger, verification: started.verification)
            let verification = Verification(
                target: Target(service: fleet.service, gitSHA: fleet.sha), hosts: fleet.hosts, policy: Policy())
            let turns = fleet.changes
            let failure = await steps.append.measure {
                for turn in turns { recorder.turned(turn, of: verification, at: .zero) }
                return await recorder.drain()
            }
            if let failure { throw failure }
            let report = fleet.report
            try await steps.finish.measure { try await ledger.finish(report) }
        }
        try await steps.close.measure { try await ledger.close() }
        let all = [("begin", steps.begin), ("append", steps.append), ("finish", steps.finish), ("close", steps.close)]
        for (name, step) in all {
            print("\(name) \(step.processor.milliseconds) ms of processor time, \(step.wall.milliseconds) ms")
        }
    }
}

/// The processor and wall time that steps took.
private struct Measurement {
    var processor = Duration.zero
    var wall = Duration.zero

    mutating func measure<T>(_ body: () async throws -> T) async rethrows -> T {
        let (start, clock) = (Self.processorTime, ContinuousClock.now)
        defer {
            processor += Self.processorTime - start
            wall += ContinuousClock.now - clock
        }
        return try await body()
    }

    private static var processorTime: Duration {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}

extension Duration {
    fileprivate var milliseconds: Int { Int((seconds * 1_000).rounded()) }
}

/// One verification of a fleet of which few hosts do not converge.
private struct Fleet {
    let number: Int
    let service: String
    let sha: GitSHA
    let hosts: [ExpectedHost]
    private let turns: Int
    private let start: Date
    private let inventory: Report.InventorySummary

    init(number: Int, of options: LedgerRecording) throws {
        self.number = number
        service = "canvas-\(number % options.services)"
        let digits = String(number, radix: 16)
        sha = try GitSHA(parsing: String(repeating: "0", count: 40 - digits.count) + digits)
        turns = options.transitions
        start = Date(timeIntervalSince1970: 1_780_000_000 + Double(number) * 20_000)
        let service = service
        hosts = (0..<options.hosts).map { host in
            let digits = String(host)
            let name = "\(service)-eu-\(String(repeating: "0", count: max(0, 6 - digits.count)))\(digits)"
            return ExpectedHost(
                name: name, url: "https://\(name).internal:9480/buildinfo", labels: ["group": "canary", "region": "eu"])
        }
        inventory = .init(
            source: "fleet.yaml", hash: "sha256:" + String(repeating: "0", count: 64), expected: hosts.count)
    }

    private var target: Report.PromotedTarget {
        .init(service: service, gitSHA: sha, digest: nil, image: nil, generation: nil, equivalentDigests: [])
    }

    private var id: String { "bench-\(number)" }

    var record: VerificationRecord {
        VerificationRecord(
            id: id, startedAt: start.rfc3339, target: target, policy: .init(Policy()), inventory: inventory,
            hosts: hosts)
    }

    private func status(of host: Int, after turn: Int) -> HostStatus {
        let statuses: [HostStatus] = [.pending, .starting, .soaking, .converged]
        return isLate(host) ? .straggler : statuses[min(turn, 3)]
    }

    private func isLate(_ host: Int) -> Bool { (number * 31 + host * 17) % 401 == 0 }

    /// The changes of all hosts, a turn after the other.
    var changes: [[HostChange]] {
        (0..<turns).map { turn in
            hosts.indices.map { host in
                HostChange(
                    host: host,
                    transition: .init(at: at(turn), status: status(of: host, after: turn), reason: .onTarget))
            }
        }
    }

    private func at(_ turn: Int) -> Duration { .milliseconds(turn * 10_125) }

    var report: Report {
        let hosts = self.hosts.enumerated().map { index, host in
            let isLate = isLate(index)
            return Report.Host(
                name: host.name, url: host.url, labels: host.labels, status: isLate ? .straggler : .converged,
                reason: "serves the target, healthy, on one instance since 12.5 s", reasonCode: .onTarget, gitSHA: sha,
                facts: HostFacts(reach: .ok, identity: .expected, build: isLate ? .behind : .match, runtime: .serving),
                attempts: 12,
                secondsToConverge: isLate ? nil : Double((number * 7_919 + index * 104_729) % 60_000) / 1_000,
                lastAnswerAgeSeconds: 0.5, clockOffsetSeconds: 0.1,
                transitions: (0..<turns).map { turn in
                    .init(
                        seconds: at(turn).seconds, status: status(of: index, after: turn),
                        reason: HostReason.onTarget.text.finding, reasonCode: .onTarget)
                })
        }
        let late = hosts.count { $0.status != .converged }
        let verdict: Verdict = late > 0 ? .stragglers : .converged
        return Report(
            verification: .init(
                id: id, startedAt: start.rfc3339, finishedAt: start.addingTimeInterval(60).rfc3339, durationSeconds: 60,
                collector: .init(version: BuildinfoVersion.current)),
            target: target, inventory: inventory, policy: .init(Policy()), verdict: verdict,
            exitCode: verdict.exitCode, reasons: [], warnings: [],
            summary: .init(
                expected: hosts.count, proven: hosts.count - late, waived: 0, statuses: [:],
                secondsToConverge: .init(p50: 28.5, p95: 57.25, max: 60)),
            hosts: hosts)
    }
}
