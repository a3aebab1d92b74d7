import Foundation
import Glibc
import Shared
import Support

@testable import CollectorFixtures
@testable import Ledger
@testable import Reports
@testable import Verdict

/// Records one verification after another, as fast as possible, and notes each acknowledged record.
struct CrashWriter {
    /// A row of `transitions`.
    struct Change: Hashable, Sendable {
        var host: Int
        var number: Int
        var seconds: Double
        var status: String
    }

    static let hosts = 30
    static let verdict = Verdict.stragglers

    let path: String
    /// The prefix of its verifications' ids.
    let prefix: String
    /// The file for the notes. A kill loses nothing that write(2) accepted.
    let acknowledgements: String
    let seed: UInt64

    /// - Parameter isNoted: called with the number of notes, at the start and after each.
    func write(_ isNoted: (Int) -> Void) async throws {
        let file = open(acknowledgements, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        var notes = 0
        func note(_ line: String) {
            let bytes = Array((line + "\n").utf8)
            _ = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            notes += 1
            isNoted(notes)
        }
        isNoted(0)
        var random = SplitMix64(seed: seed)
        let ledger = try await Ledger.open(path: path)
        for index in 0... {
            let id = "\(prefix)-\(index)"
            let run = LedgerFixtures.run(
                id, sha: try LedgerFixtures.sha("1"), hosts: (0..<Self.hosts).map { "host-\($0)" })
            let start = try await ledger.begin(run)
            note("began \(id)")
            var counts = Array(repeating: 0, count: Self.hosts)
            for _ in 0..<random.pick(1, 12) {
                let batch = (0..<random.pick(1, 20)).map { _ in
                    let host = random.pick(0, Self.hosts - 1)
                    counts[host] += 1
                    return Self.change(host, counts[host] - 1)
                }
                try await ledger.append(batch, to: start.verification)
                note("changed \(id) " + batch.map { "\($0.host):\($0.number)" }.joined(separator: " "))
            }
            var report = try LedgerFixtures.report(run, generation: start.generation, verdict: Self.verdict)
            for position in report.hosts.indices {
                let host = run.hosts.firstIndex { $0.name == report.hosts[position].name } ?? 0
                report.hosts[position].reason = "it did"
                report.hosts[position].transitions = (0..<counts[host]).map { Self.change(host, $0).transition }
            }
            try await ledger.finish(report)
            note("finished \(id)")
        }
    }

    /// A host's n-th transition, which the reader computes too.
    static func change(_ host: Int, _ number: Int) -> RecordedTransition {
        let statuses: [HostStatus] = [.pending, .soaking, .flapping, .unreachable]
        return RecordedTransition(
            host: host, number: number,
            transition: .init(
                seconds: Double(number) + Double(host) / 100, status: statuses[(host + number) % statuses.count],
                reason: "change \(number) of host \(host)"))
    }

    /// The notes of a killed writer.
    struct Acknowledged {
        enum Step: Hashable { case began, changed, finished }

        private(set) var changes: [String: Set<Change>] = [:]
        private(set) var finished: [String] = []
        private(set) var last: Step?

        init(reading path: String) {
            let text = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
            for line in text.split(separator: "\n") {
                let words = line.split(separator: " ").map(String.init)
                switch words[0] {
                case "began":
                    changes[words[1]] = []
                    last = .began
                case "changed":
                    for word in words.dropFirst(2) {
                        let numbers = word.split(separator: ":").compactMap { Int($0) }
                        let recorded = CrashWriter.change(numbers[0], numbers[1])
                        changes[words[1], default: []].insert(
                            Change(
                                host: recorded.host, number: recorded.number, seconds: recorded.transition.seconds,
                                status: recorded.transition.status.rawValue))
                    }
                    last = .changed
                default:
                    finished.append(words[1])
                    last = .finished
                }
            }
        }
    }
}
