import Foundation
import Shared

@testable import Evidence
@testable import Reports
@testable import Verdict

/// Evidence of a simulated verification, in memory.
struct Recording {
    private(set) var lines: [EvidenceLine]
    let start: EvidenceStart
    private var transcript = RecordingEncoder()

    /// - Parameter verification: before it starts.
    init(_ verification: Verification, learnsImages: Bool? = nil) {
        start = EvidenceStart(
            verification: "20260131T120000-00000001", collector: BuildinfoVersion.current,
            startedAt: "2026-01-31T12:00:00.123Z", startedAtMilliseconds: 1_769_860_800_123,
            target: verification.target, policy: verification.policy, promotions: verification.promotions,
            inventory: .init(source: "made up", hash: "sha256:00", hosts: verification.tracks.count),
            warnings: ["a warning"], learnsImages: learnsImages)
        lines = [.start(start)] + verification.tracks.map { .host($0.host) }
    }

    mutating func take(
        _ input: Verification.Input, _ actions: [Verification.Action], by verification: Verification
    ) {
        lines += transcript.lines(of: input, actions, by: verification)
    }

    /// The bytes of the file.
    func bytes(_ conclusion: Conclusion) throws -> [UInt8] {
        try Self.file(lines + [.verdict(.init(conclusion, notes: ["a note"]))])
    }

    func replay(_ conclusion: Conclusion) throws -> Replay.Outcome {
        try Replay.run(EvidenceReader(try bytes(conclusion), named: "made up"))
    }

    /// The report of the verification itself.
    func report(_ verification: Verification, _ conclusion: Conclusion) -> Report {
        let startedAt = Date(timeIntervalSince1970: Double(start.startedAtMilliseconds) / 1_000)
        var report = ReportBuilder(
            verification: verification,
            context: .init(
                id: start.verification, startedAt: startedAt,
                finishedAt: startedAt.addingTimeInterval(conclusion.at.seconds),
                inventorySource: start.inventory.source, inventoryHash: start.inventory.hash,
                warnings: start.warnings, notes: ["a note"])
        ).build(conclusion)
        do {
            report.evidence = .init(hash: "sha256:\(Hexadecimal.encode(SHA256.hash(try bytes(conclusion))))")
        } catch {
            report.evidence = nil
        }
        return report
    }

    /// Encodes the lines as the bytes of a file.
    static func file(_ lines: [EvidenceLine]) throws -> [UInt8] {
        let coding = EvidenceCoding()
        var chain = HashChain()
        var bytes: [UInt8] = []
        for line in lines {
            var json = JSONLine()
            try coding.append(line, to: &json)
            chain.seal(json.bytes.dropLast(), onto: &bytes)
        }
        return bytes
    }
}
