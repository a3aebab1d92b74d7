import Shared
import Verdict

/// Numbers, times and lists as every format writes them.
package enum ReportText {
    /// `850ms`, `3m 5s`.
    package static func duration(_ seconds: Double) -> String { Duration(clampingSeconds: seconds).brief }

    /// The time to converge: `half of the updated hosts within 2.0s, 95 % within 9.0s, all within 12s`.
    static func convergence(_ times: Report.Summary.Percentiles) -> String {
        let (half, most, all) = (duration(times.p50), duration(times.p95), duration(times.max))
        guard half != all else { return all }
        return "half of the updated hosts within \(half), 95 % within \(most), all within \(all)"
    }

    /// The number of hosts without a time to converge, because they needed none; nil if there are none.
    static func servedFromStart(_ summary: Report.Summary) -> String? {
        guard summary.servedFromStart > 0 else { return nil }
        return "\(summary.servedFromStart.hostCount) served it from the start"
    }

    /// With commas between thousands: `50,000`.
    package static func count(_ number: Int) -> String {
        let digits = String(number.magnitude)
        var result = number < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { result.append(",") }
            result.append(digit)
        }
        return result
    }

    /// `1 host`, `2,000 hosts`.
    package static func hosts(_ number: Int) -> String { counted(number, "host", "hosts") }

    /// A number with its noun: `1 change`, `2,000 changes`.
    package static func counted(_ number: Int, _ one: String, _ many: String) -> String {
        "\(count(number)) \(number == 1 ? one : many)"
    }

    /// `2026-01-31 12:00:00 UTC` for RFC 3339 in UTC; anything else unchanged.
    package static func moment(_ timestamp: String) -> String {
        guard RFC3339.isTimestamp(timestamp), timestamp.hasSuffix("Z") else { return timestamp }
        return "\(timestamp.prefix(10)) \(timestamp.dropFirst(11).prefix(8)) UTC"
    }
}

extension Report.Host {
    /// The commit, or else the digest, in short.
    var shortBuild: String? { gitSHA?.short ?? digest?.short }

    /// The notes beside the reason, as parts of a sentence.
    var notes: [String] { (warnings ?? []).map { "warning: \($0)" } + [leftOutText].compactMap { $0 } }

    /// For example `2 containers left out: canvas-old (replaced), migrate (task)`; nil for none.
    var leftOutText: String? {
        guard let leftOut, !leftOut.isEmpty else { return nil }
        let containers = leftOut.map { container in
            let owner = container.project.map { $0 == project ? "" : ", of \($0)" } ?? ""
            return "\(container.name) (\(container.reason == .oneOff ? "one-off" : container.reason.rawValue)\(owner))"
        }
        return "\(ReportText.counted(leftOut.count, "container", "containers")) left out: "
            + containers.listed(limit: 4)
    }

    /// The declared number of instances: `2 instances declared`; nil if none was declared.
    var declaredInstances: String? {
        instancesExpected.map { "\(ReportText.counted($0, "instance", "instances")) declared" }
    }

    /// Inventory labels as `key=value`, sorted.
    var sortedLabels: [String] {
        labels.sorted { $0.key < $1.key }.map { $0.value.isEmpty ? $0.key : "\($0.key)=\($0.value)" }
    }
}
