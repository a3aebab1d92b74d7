import CollectorSupport
import Foundation
import Reports
import Shared
import Verdict

/// The checks of what hosts answered: pure functions.
struct HostChecks {
    typealias Check = Diagnosis.Check
    typealias Finding = Diagnosis.Finding

    let hosts: [ExaminedHost]
    let now: Date

    /// An answer that takes longer is worth a warning.
    static let slowAnswer = Duration.seconds(1)
    /// A clock that differs by more is worth a warning, in seconds.
    static let clockTolerance = 2.0

    private var answered: [ExaminedHost] { hosts.filter(\.hasAnswered) }
    /// The hosts with an agent's document.
    private var withAgent: [ExaminedHost] { hosts.filter { $0.document != nil } }
    private var withDocument: [ExaminedHost] { answered.filter { $0.document != nil } }

    var all: [Check] {
        [
            reachability, identity, answers, service, revisions, digests, healthChecks, probes, agents, clocks,
            certificates, speed, builds,
        ]
    }

    // MARK: - Gaps

    private func gaps(_ kinds: Set<ProofGap.Kind>) -> [Finding] {
        GapGroup.all(of: hosts, kinds).map { group in
            // A cause that differs between hosts is better than its summary if there is only one.
            let cause = group.hosts.count == 1 ? group.gap.text.finding : group.gap.cause
            let level: Diagnosis.Level = group.gap.isWaived ? .note : group.gap.isObstacle ? .problem : .warning
            return Finding(
                level, group.gap.isWaived ? "waived: \(cause)" : cause, hosts: group.hosts,
                remedy: group.gap.text.remedy)
        }
    }

    private func check(
        _ name: String, _ kinds: Set<ProofGap.Kind>, of total: Int, good: String, bad: (Int) -> String
    ) -> Check {
        let findings = gaps(kinds)
        let count = Set(findings.flatMap(\.hosts)).count
        if count > 0 { return Check(name, bad(count), findings) }
        guard total > 0 else { return Check(name, "not known: no agent answered", standing: .note) }
        return Check(name, good)
    }

    private var reachability: Check {
        check(
            "reachability", [.reach], of: hosts.count,
            good: hosts.count == 1 ? "the host answered" : "all \(hosts.count.hostCount) answered",
            bad: { "\($0) of \(hosts.count.hostCount) gave no usable answer" })
    }

    private var identity: Check {
        let withID = hosts.count { $0.expected.id != nil }
        let good = "the inventory expects an id of \(withID) of \(hosts.count.hostCount)"
        let found = check(
            "identity", [.identity], of: withAgent.count, good: good,
            bad: { "\($0.hostCount): another host answered, or two hosts have one id" })
        guard found.level == .ok, withID < withAgent.count else { return found }
        return Check(
            "identity", good,
            [
                Finding(
                    .note, "without an id, any host that answers at the URL counts",
                    hosts: withAgent.filter { $0.expected.id == nil }.map(\.name),
                    remedy: "write id: to the inventory; 'init --fleet' writes it from the answers")
            ])
    }

    private var answers: Check {
        check(
            "answers", [.answer], of: answered.count, good: "every answer tells what the host serves",
            bad: { "\($0.hostCount) answered without telling what \($0 == 1 ? "it serves" : "they serve")" })
    }

    private var service: Check {
        check(
            "service", [.service], of: withDocument.count, good: "up on \(withDocument.count.hostCount)",
            bad: { "not up on \($0.hostCount)" })
    }

    private var revisions: Check {
        check(
            "revision labels", [.revision, .build], of: withDocument.count,
            good: "every host tells its commit", bad: { "no commit is known on \($0.hostCount)" })
    }

    private var digests: Check {
        let unnamed = hosts.filter { host in host.gaps.contains { $0.kind == .build } }.map(\.name)
        let found = check(
            "digests", [.digest], of: withDocument.count, good: "every host tells its digest",
            bad: { "no digest is known on \(($0 + unnamed.count).hostCount)" })
        guard !unnamed.isEmpty else { return found }
        return Check(
            "digests", found.findings.isEmpty ? "no digest is known on \(unnamed.count.hostCount)" : found.summary,
            [Finding(.problem, "neither digest nor commit is known: see revision labels", hosts: unnamed)]
                + found.findings)
    }

    private var healthChecks: Check {
        check(
            "health checks", [.healthCheck], of: withDocument.count,
            good: "no container is without one",
            bad: { "\($0.hostCount) \($0 == 1 ? "runs" : "run") containers without one" })
    }

    // MARK: - Agents

    private var probes: Check {
        let without = withDocument.filter { $0.document?.served == nil }
        guard !withDocument.isEmpty else { return Check("probes", "not known: no agent answered", standing: .note) }
        guard !without.isEmpty else { return Check("probes", "every agent probes its service") }
        let isAll = without.count == withDocument.count
        return Check(
            "probes",
            isAll ? "no agent probes its service" : "agents of \(without.count.hostCount) do not probe the service",
            [
                Finding(
                    .note, "what the process itself serves is not known, only what its image is",
                    hosts: isAll ? [] : without.map(\.name),
                    remedy:
                        "set probe: for the service in agent.yaml, or --probe, if it has a URL that tells its commit")
            ])
    }

    private var agents: Check {
        var versions = AgentVersions()
        var outdated: [String] = []
        var newer: [String] = []
        for host in withAgent {
            guard let version = host.document?.agent.version else { continue }
            versions.note(version)
            switch versions.relation(of: version) {
            case .older: outdated.append(host.name)
            case .newer: newer.append(host.name)
            case .same, .unknown: break
            }
        }
        guard !versions.isEmpty else { return Check("agents", "not known: no agent answered", standing: .note) }
        var findings: [Finding] = []
        if !outdated.isEmpty {
            findings.append(
                Finding(
                    .warning, "older than this collector (\(BuildinfoVersion.current)), so they may report less",
                    hosts: outdated, remedy: "update buildinfo-agent there"))
        }
        if !newer.isEmpty {
            findings.append(
                Finding(
                    .warning, "newer than this collector (\(BuildinfoVersion.current)), so it may not understand them",
                    hosts: newer, remedy: "update the collector first"))
        }
        if versions.areDifferent, findings.isEmpty {
            findings.append(Finding(.note, "several versions", remedy: "bring the agents to one version"))
        }
        return Check("agents", "version \(versions.text)", findings)
    }

    private var clocks: Check {
        let offsets = withAgent.compactMap { host in host.answer?.clockOffset.map { (name: host.name, seconds: $0) } }
        guard !offsets.isEmpty else { return Check("clocks", "not known: no agent told its time", standing: .note) }
        let off = offsets.filter { abs($0.seconds) > Self.clockTolerance }
            .sorted { (abs($1.seconds), $0.name) < (abs($0.seconds), $1.name) }
        guard !off.isEmpty else {
            return Check("clocks", "within \(Int(Self.clockTolerance)) s of this machine on \(offsets.count.hostCount)")
        }
        let shown = off.map { "\($0.name) (\(Self.signed($0.seconds)))" }
        // If most hosts agree with each other and not with this machine, they are right.
        let sorted = off.map(\.seconds).sorted()
        let isOurs =
            off.count == offsets.count && off.count > 2
            && (sorted.last ?? 0) - (sorted.first ?? 0) <= 2 * Self.clockTolerance
        let finding = Finding(
            .warning,
            isOurs
                ? "all hosts differ by about the same, so this machine's clock is probably wrong"
                : "no verdict depends on it, but certificates, waivers and logs do",
            hosts: shown, remedy: isOurs ? "check its time (timedatectl)" : "check their time (timedatectl)")
        return Check("clocks", "differ from this machine's on \(off.count) of \(offsets.count.hostCount)", [finding])
    }

    private static func signed(_ seconds: Double) -> String {
        "\(Duration(clampingSeconds: abs(seconds)).brief) \(seconds > 0 ? "ahead" : "behind")"
    }

    // MARK: - Access

    private var certificates: Check {
        let secure = hosts.filter { $0.expected.url.lowercased().hasPrefix("https:") }
        guard !secure.isEmpty else { return Check("certificates", "none: no host is asked by HTTPS") }
        let known = secure.compactMap { host in host.certificateEnd.map { (name: host.name, end: $0) } }
            .sorted { ($0.end, $0.name) < ($1.end, $1.name) }
        guard let first = known.first else {
            return Check("certificates", "not known: no handshake succeeded", standing: .note)
        }
        let soon = known.filter { $0.end < now.addingTimeInterval(CertificateExpiries.notice.seconds) }
        guard !soon.isEmpty else {
            return Check(
                "certificates",
                "of \(known.count.hostCount); the first ends on \(first.end.rfc3339.prefix(10)) (\(first.name))")
        }
        return Check(
            "certificates", "end within 14 days on \(soon.count) of \(known.count.hostCount)",
            [
                Finding(
                    .warning, "without a new one, the host becomes unreachable that day",
                    hosts: soon.map { "\($0.name) (\($0.end.rfc3339.prefix(10)))" },
                    remedy: "renew it on the host; the agent takes it up without a restart")
            ])
    }

    private var speed: Check {
        let times = answered.compactMap { host in host.answer.map { (name: host.name, time: $0.latency) } }
            .sorted { ($0.time, $0.name) < ($1.time, $1.name) }
        guard let shares = Percentiles(times.map(\.time.seconds)) else {
            return Check("answer times", "not known: no host answered", standing: .note)
        }
        let summary =
            "median \(Self.time(shares.p50)), 95 % within \(Self.time(shares.p95)), slowest \(Self.time(shares.max))"
        let slow = times.filter { $0.time > Self.slowAnswer }.reversed()
        guard !slow.isEmpty else { return Check("answer times", summary) }
        return Check(
            "answer times", summary,
            [
                Finding(
                    .warning, "took longer than \(Self.slowAnswer.brief)",
                    hosts: slow.map { "\($0.name) (\(Self.time($0.time.seconds)))" },
                    remedy:
                        "check the network, the name server, and the load of the host; --request-timeout is the limit")
            ])
    }

    private static func time(_ seconds: Double) -> String {
        seconds < 1 ? "\(Int((seconds * 1_000).rounded(.up))) ms" : "\((seconds * 10).rounded() / 10) s"
    }

    // MARK: - Builds

    private var builds: Check {
        var counts: [ExaminedHost.Build: Int] = [:]
        for build in answered.compactMap(\.build) { counts[build, default: 0] += 1 }
        guard !counts.isEmpty else { return Check("builds", "not known: no host told its build", standing: .note) }
        let sorted = counts.sorted { ($1.value, $0.key.short) < ($0.value, $1.key.short) }
        let list = sorted.map { "\($0.key.short) on \($0.value.hostCount)" }
        guard sorted.count > 1, let most = sorted.first else { return Check("builds", list[0]) }
        let others = answered.filter { host in host.build.map { $0 != most.key } ?? false }
        return Check(
            "builds", "the hosts serve \(sorted.count) builds: \(list.listed(limit: 3))",
            [Finding(.note, "not on the build of most hosts", hosts: others.map(\.name))])
    }
}
