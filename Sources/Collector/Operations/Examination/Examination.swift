import CollectorSupport
import Foundation
import Inventory
import Reports
import Shared
import Transfer
import Verdict

/// One request to each host of a fleet, without a target, and what it found out.
struct Examination: Sendable {
    let hosts: [ExaminedHost]
    /// The number of the signal that ended it early; nil if every host was asked.
    let interruption: Int32?

    /// Asks each host once.
    ///
    /// - Parameters:
    ///   - hosts: with unique names; at least one.
    ///   - credentials: of each host, by its index.
    ///   - signals: trapped before the work began.
    static func run(
        _ hosts: [ExpectedHost], service: DeployedService, requestTimeout: Duration, concurrency: Int?,
        signals: RunSignals, credentials: @escaping @Sendable (Int) -> RequestCredentials
    ) async throws -> Examination {
        let startedAt = Date()
        let answers = SweepAnswers()
        let swept = try await FleetSweep(hosts: hosts, credentials: credentials, concurrency: concurrency).run(
            Verification(
                sweeping: hosts, for: Target(service: service.name, environment: service.environment),
                requestTimeout: requestTimeout),
            signals: signals, observers: [answers])
        let ended = swept.verification
        let conclusion = ended.conclusion ?? SweepRules(ended, at: swept.duration).conclude()
        let report = ReportBuilder(
            verification: ended,
            context: ReportBuilder.Context(
                id: RunID.make(at: startedAt), startedAt: startedAt,
                finishedAt: startedAt.addingTimeInterval(swept.duration.seconds), inventorySource: "",
                inventoryHash: "", isSweep: true)
        ).build(conclusion)
        let places = Dictionary(hosts.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        let found = answers.answers
        let examined = report.hosts.compactMap { host -> (Int, ExaminedHost)? in
            guard let index = places[host.name] else { return nil }
            return (
                index,
                ExaminedHost(
                    expected: hosts[index], report: host, answer: found[index],
                    certificateEnd: swept.certificates.end(of: index))
            )
        }
        return Examination(
            hosts: examined.sorted { $0.0 < $1.0 }.map(\.1),
            interruption: conclusion.verdict == .interrupted ? conclusion.exitCode : nil)
    }
}

/// Hosts with the same gap.
struct GapGroup: Hashable, Sendable {
    let gap: ProofGap
    private(set) var hosts: [String]

    /// Groups the hosts by kind, cause and remedy: the kinds in their order, the most hosts first.
    ///
    /// - Parameter kinds: the gaps to group.
    static func all(
        of hosts: [ExaminedHost], _ kinds: Set<ProofGap.Kind> = Set(ProofGap.Kind.allCases)
    ) -> [GapGroup] {
        struct Key: Hashable {
            var kind: ProofGap.Kind
            var cause: String
            var remedy: String?
            var isWaived: Bool
        }
        var groups: [Key: GapGroup] = [:]
        for host in hosts {
            for gap in host.gaps where kinds.contains(gap.kind) {
                let key = Key(kind: gap.kind, cause: gap.cause, remedy: gap.text.remedy, isWaived: gap.isWaived)
                groups[key, default: GapGroup(gap: gap, hosts: [])].hosts.append(host.name)
            }
        }
        let order = ProofGap.Kind.allCases
        return groups.sorted { left, right in
            let ranks = [left, right].map { order.firstIndex(of: $0.key.kind) ?? 0 }
            guard ranks[0] == ranks[1] else { return ranks[0] < ranks[1] }
            return (left.key.isWaived ? 1 : 0, -left.value.hosts.count, left.key.cause, left.key.remedy ?? "")
                < (right.key.isWaived ? 1 : 0, -right.value.hosts.count, right.key.cause, right.key.remedy ?? "")
        }.map(\.value)
    }
}
