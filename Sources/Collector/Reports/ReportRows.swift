import CollectorSupport
import FoundationEssentials
import Shared
import Verdict

/// The hosts of a report, and what follows from all of them.
package struct ReportRows: Sendable {
    /// The best status first, and in the inventory's order within a status.
    let hosts: [Report.Host]
    let summary: Report.Summary
    let warnings: FleetWarnings
}

/// Makes the hosts of a report from the state machine's.
struct ReportRowMaker: Sendable {
    private let tracks: [HostTracker]
    private let timing: Policy
    private let isComparable: Bool
    private let comparesDigests: Bool
    private let startedAt: Date
    private let isSweep: Bool
    private let end: Duration

    /// The number of hosts that one task makes.
    private let part: Int
    private static let partsAtATime = 4

    init(_ verification: Verification, startedAt: Date, isSweep: Bool, at end: Duration, part: Int = 4_096) {
        self.part = part
        tracks = verification.tracks
        timing = verification.timing
        isComparable = verification.target.isComparable
        comparesDigests = verification.target.digest == nil
        self.startedAt = startedAt
        self.isSweep = isSweep
        self.end = end
    }

    func rows() -> ReportRows {
        var all = Joined(count: tracks.count, comparesDigests: comparesDigests)
        for slice in slices(order) { all.add(part(slice)) }
        return all.rows
    }

    /// As ``rows()``, with a task for each part of the hosts.
    func rowsOnEveryCore() async -> ReportRows {
        let slices = slices(order)
        return await withTaskGroup(of: (Int, Part).self) { group in
            var all = Joined(count: tracks.count, comparesDigests: comparesDigests)
            var started = 0
            var added = 0
            var waiting: [Int: Part] = [:]
            func start() {
                guard started < slices.count else { return }
                let place = started
                group.addTask { (place, part(slices[place])) }
                started += 1
            }
            // Only few at a time, because all of them take as much memory as the result.
            for _ in 0..<Self.partsAtATime { start() }
            while let (place, part) = await group.next() {
                waiting[place] = part
                while let part = waiting.removeValue(forKey: added) {
                    all.add(part)
                    added += 1
                    start()
                }
            }
            return all.rows
        }
    }

    private func slices(_ order: [Int]) -> [ArraySlice<Int>] {
        stride(from: 0, to: order.count, by: part).map { order[$0..<min($0 + part, order.count)] }
    }

    /// The indices of the hosts, in the report's order.
    private var order: [Int] {
        var groups: [HostStatus: [Int]] = [:]
        for index in tracks.indices { groups[tracks[index].status, default: []].append(index) }
        return HostStatus.allCases.reversed().flatMap { groups[$0] ?? [] }
    }

    // MARK: - Parts

    /// Hosts that follow one another in the report.
    private struct Part: Sendable {
        /// The last one first, so that they can be taken from the end.
        var reversedHosts: [Report.Host] = []
        var summary = Report.Summary(expected: 0, proven: 0, waived: 0, statuses: [:])
        var statuses: [HostStatus: Int] = [:]
        var times: [Double] = []
        var warnings: FleetWarnings

        init(comparesDigests: Bool) { warnings = FleetWarnings(comparesDigests: comparesDigests) }
    }

    /// The parts so far, in the report's order.
    private struct Joined {
        private var hosts: [Report.Host] = []
        private var all: Part

        init(count: Int, comparesDigests: Bool) {
            hosts.reserveCapacity(count)
            all = Part(comparesDigests: comparesDigests)
        }

        mutating func add(_ part: consuming Part) {
            // Moved, because a copy takes longer.
            while let host = part.reversedHosts.popLast() { hosts.append(host) }
            all.summary.expected += part.summary.expected
            all.summary.proven += part.summary.proven
            all.summary.waived += part.summary.waived
            all.summary.servedFromStart += part.summary.servedFromStart
            all.statuses.merge(part.statuses, uniquingKeysWith: +)
            all.times += part.times
            all.warnings.add(part.warnings)
        }

        var rows: ReportRows {
            var summary = all.summary
            summary.statuses = Dictionary(uniqueKeysWithValues: all.statuses.map { ($0.key.rawValue, $0.value) })
            summary.secondsToConverge = Percentiles(all.times.sorted()).map {
                .init(p50: $0.p50, p95: $0.p95, max: $0.max)
            }
            return ReportRows(hosts: hosts, summary: summary, warnings: all.warnings)
        }
    }

    private func part(_ order: ArraySlice<Int>) -> Part {
        var part = Part(comparesDigests: comparesDigests)
        part.reversedHosts.reserveCapacity(order.count)
        var texts = ReasonTexts()
        // In place: an array's element is copied, and every use of it might be.
        tracks.withUnsafeBufferPointer { tracks in
            for index in order.reversed() { add(tracks[index], at: index, to: &part, &texts) }
        }
        return part
    }

    private func add(_ track: HostTracker, at index: Int, to part: inout Part, _ texts: inout ReasonTexts) {
        let row = host(track, &texts)
        part.warnings.note(track, row, at: index)
        part.reversedHosts.append(row)
        part.statuses[track.status, default: 0] += 1
        guard !track.host.isWaived else {
            part.summary.waived += 1
            return
        }
        part.summary.expected += 1
        if track.isProven(at: end, policy: timing) { part.summary.proven += 1 }
        if let moment = track.convergedAt { part.times.append(moment.roundedSeconds) }
        if track.servedFromStart { part.summary.servedFromStart += 1 }
    }

    // MARK: - One host

    private func host(_ track: HostTracker, _ texts: inout ReasonTexts) -> Report.Host {
        let answer = track.lastAnswer
        let evidence = track.evidence
        var host = Report.Host(
            name: Sanitizer.singleLine(track.host.name, limit: 255),
            url: Sanitizer.singleLine(track.host.url, limit: 2_048),
            labels: Self.clean(track.host.labels),
            status: track.status,
            waived: track.host.waiver.map {
                .init(
                    until: Sanitizer.singleLine($0.until, limit: 64), reason: Sanitizer.singleLine($0.reason),
                    by: $0.by.map { Sanitizer.singleLine($0, limit: 128) }, expired: $0.isExpired)
            },
            reason: "", gitSHA: evidence?.gitSHA.value, digest: evidence?.shownDigest, facts: track.facts,
            attempts: track.attempts, secondsToConverge: track.convergedAt?.roundedSeconds,
            lastAnswerAgeSeconds: track.lastAnswerAt.map { (end - $0).roundedSeconds },
            clockOffsetSeconds: track.clockOffset(startedAt: startedAt),
            transitions: track.transitions.map {
                .init(
                    seconds: $0.at.roundedSeconds, status: $0.status, reason: texts.finding($0.reason),
                    reasonCode: $0.reason.code)
            },
            warnings: (isSweep ? track.restartNote : track.restartWarning).map { [Sanitizer.singleLine($0)] },
            project: answer.shownProject, instancesExpected: answer.instancesExpected,
            leftOut: answer.leftOut.isEmpty ? nil : answer.leftOut.map(Report.Host.LeftOut.init))
        host.agentVersion = answer.agentVersion.map { Sanitizer.singleLine($0, limit: 64) }
        if isSweep {
            host.sweep = SweepStatus(
                track, isCompared: isComparable,
                isStale: track.isStale(at: end, policy: timing))
            host.runningSince = answer.worst?.startedAt.map { Sanitizer.singleLine($0, limit: 64) }
        }
        if isSweep, !isComparable, let reason = track.uncomparedReason {
            host.explain(ReasonText(reason))
        } else {
            let reason = track.reason(at: end, policy: timing)
            host.reasonCode = reason.code
            host.explain(texts.explanation(reason))
        }
        return host
    }

    /// Labels that are clean already stay the inventory's own, which takes no memory.
    private static func clean(_ labels: [String: String]) -> [String: String] {
        func key(_ text: String) -> String { Sanitizer.singleLine(text, limit: 128) }
        func value(_ text: String) -> String { Sanitizer.singleLine(text, limit: 255) }
        guard labels.contains(where: { key($0.key) != $0.key || value($0.value) != $0.value }) else { return labels }
        return Dictionary(labels.map { (key($0.key), value($0.value)) }, uniquingKeysWith: { first, _ in first })
    }
}

extension HostTracker {
    /// A warning if the host converged although its container restarted meanwhile.
    var restartWarning: String? { status == .converged ? restarts?.text : nil }

    /// A note for a status, which sees a crash loop in its good moments, too: the engine's count of restarts.
    fileprivate var restartNote: String? {
        guard facts.reach == .ok, facts.runtime == .serving, let worst = lastAnswer.worst,
            let count = worst.restartCount, count > 0
        else { return nil }
        let exit = worst.exitCode.flatMap { $0 == 0 ? nil : ", last exit \($0)" } ?? ""
        return "its container restarted \(ReportText.counted(count, "time", "times"))\(exit)"
    }

    /// The reason if there was nothing to compare with: empty if the service is up, nil if there was no usable answer.
    fileprivate var uncomparedReason: String? {
        guard facts.reach == .ok, evidence != nil, facts.build == .unidentified || facts.build == .mixed else {
            return nil
        }
        if facts.runtime == .absent { return "no instance of the service on the host" }
        var parts: [String] = []
        if facts.build == .mixed { parts.append("its instances run different builds") }
        if facts.runtime.isDown, let worst = lastAnswer.worst {
            let code = worst.exitCode.map { ", exit code \($0)" } ?? ""
            parts.append("\(Sanitizer.singleLine(worst.name, limit: 64)) is \(worst.state.rawValue)\(code)")
        }
        return parts.joined(separator: "; ")
    }

    /// How far the host's wall clock is ahead of the collector's, in seconds; nil if the host reported no time.
    fileprivate func clockOffset(startedAt: Date) -> Double? {
        guard let observedAt, let text = lastAnswer.observedAt, let theirs = Date(rfc3339: text) else {
            return nil
        }
        let ours = startedAt.addingTimeInterval(observedAt.seconds)
        return (theirs.timeIntervalSince(ours) * 10).rounded() / 10
    }
}

extension LastAnswerDetails {
    /// The first few deployments; nil if unnamed.
    fileprivate var shownProject: String? {
        projects.isEmpty ? nil : Sanitizer.singleLine(projects.listed(limit: 4), limit: 1_024)
    }
}

extension Report.Host.LeftOut {
    fileprivate init(_ container: LeftOutContainer) {
        self.init(
            name: Sanitizer.singleLine(container.name, limit: 255),
            project: container.project.map { Sanitizer.singleLine($0, limit: 255) },
            reason: container.reason, state: container.state)
    }
}
