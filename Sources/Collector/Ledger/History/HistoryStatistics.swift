import CollectorSupport
import FoundationEssentials
import Reports
import Shared
import Verdict

/// Statistics of services, hosts, periods or labels over a period: times to converge, and the number of each outcome.
package struct HistoryStatistics {
    /// The rows of the statistics.
    package enum Grouping: Hashable, Sendable {
        case service, host, day, week
        /// The values of one label.
        case label(String)

        /// Parses `service`, `host`, `day`, `week` or `label=KEY`; nil for anything else.
        package init?(_ text: String) {
            switch text {
            case "service": self = .service
            case "host": self = .host
            case "day": self = .day
            case "week": self = .week
            case _ where text.hasPrefix("label=") && text.utf8.count > 6: self = .label(String(text.dropFirst(6)))
            default: return nil
            }
        }

        /// The kind of row: the text without a label's key.
        var name: String {
            switch self {
            case .service: "service"
            case .host: "host"
            case .day: "day"
            case .week: "week"
            case .label: "label"
            }
        }

        /// False for rows in the order of time.
        package var isSortable: Bool { self != .day && self != .week }
    }

    /// The sort key, worst first.
    package enum Order: String, CaseIterable, Sendable { case failed, late, time }

    let grouping: Grouping
    /// Verifications that ended in the period.
    private(set) var verifications = 0
    /// Services or periods, by first occurrence.
    private var groups: [GroupStatistics] = []
    private var groupNumbers: [String: Int] = [:]
    private var hostNames = StringInterner()
    private var hosts: [HostStatistics] = []
    private var labels: [LabelStatistics] = []
    private var labelNumbers: [String?: Int] = [:]
    /// The verification whose hosts are being added, and the index of its group.
    private var current: (verification: VerificationSummary, group: Int)?

    /// The verifications of a service or of a period.
    private struct GroupStatistics {
        let service: String
        let environment: EnvironmentName
        let period: HistoryPeriod
        var verdicts: [Verdict: Int] = [:]
        var failed = 0
        var rolledBack = 0
        var hosts = HostStatistics()

        var count: Int { verdicts.values.reduce(0, +) }

        var namedVerdicts: [String: Int] {
            Dictionary(uniqueKeysWithValues: verdicts.map { ($0.key.rawValue, $0.value) })
        }
    }

    /// The hosts with one value of a label.
    private struct LabelStatistics {
        /// nil for hosts without the label.
        let value: String?
        var hosts: Set<Int> = []
        var verifications = 0
        var last: Int64?
        var outcomes = HostStatistics()
    }

    init(by grouping: Grouping) {
        self.grouping = grouping
    }

    /// Adds a verification that ended; its hosts follow. It is fastest to add the verifications of a service together.
    mutating func add(_ verification: VerificationSummary) {
        verifications += 1
        let period = HistoryPeriod(grouping == .week ? .week : .day, of: verification.startedAt)
        let key =
            switch grouping {
            case .day, .week: period.name
            case .service, .host, .label: "\(verification.service)@\(verification.environment)"
            }
        let group = groupNumbers[key, default: groups.count]
        if group == groups.count {
            groups.append(
                GroupStatistics(service: verification.service, environment: verification.environment, period: period))
            groupNumbers[key] = group
        }
        groups[group].verdicts[verification.verdict, default: 0] += 1
        if verification.exitCode != 0 { groups[group].failed += 1 }
        if verification.isRolledBack { groups[group].rolledBack += 1 }
        hostNames.beginList()
        current = (verification, group)
    }

    /// The place at which a host's outcomes are counted. It holds for all verifications.
    struct Place {
        /// The number of the host's name.
        fileprivate var host = 0
        /// The number of the value of its label.
        fileprivate var label = 0

        fileprivate init(host: Int) {
            self.host = host
        }

        /// The place of all hosts where they are not divided.
        init() {}
    }

    /// False if all hosts of a verification have the same place, whatever their names.
    var dividesHosts: Bool {
        switch grouping {
        case .service, .day, .week: false
        case .host, .label: true
        }
    }

    /// - Parameter label: the value of the label that is grouped by; nil if the host has none.
    mutating func place(of name: String, label: String? = nil) -> Place {
        var place = Place(host: hostNames.number(of: name))
        switch grouping {
        case .service, .day, .week: break
        case .host:
            if place.host == hosts.count { hosts.append(HostStatistics()) }
        case .label:
            place.label = labelNumbers[label, default: labels.count]
            if place.label == labels.count {
                labels.append(LabelStatistics(value: label))
                labelNumbers[label] = place.label
            }
        }
        return place
    }

    /// Adds a host of the verification that was added last.
    mutating func add(_ outcome: RecordedOutcome, at place: Place = Place()) {
        guard outcome.isGated, let (verification, group) = current else { return }
        switch grouping {
        case .service, .day, .week: groups[group].hosts.add(outcome, of: verification)
        case .host: hosts[place.host].add(outcome, of: verification)
        case .label:
            labels[place.label].hosts.insert(place.host)
            guard labels[place.label].outcomes.add(outcome, of: verification),
                labels[place.label].last != verification.number
            else { return }
            labels[place.label].last = verification.number
            labels[place.label].verifications += 1
        }
    }

    // MARK: - Rows

    /// The services, worst first.
    func services(_ order: Order, limit: Int) -> [Service] {
        let all = groups.map { group in
            Service(
                service: group.service, environment: group.environment, verifications: group.count,
                failed: group.failed,
                rolledBack: group.rolledBack, verdicts: group.namedVerdicts, secondsToConverge: group.hosts.percentiles,
                hosts: HostCounts(group.hosts))
        }
        return order.worst(limit, of: all, by: { "\($0.service)@\($0.environment)" }) {
            ($0.failed, $0.hosts.late, $0.secondsToConverge)
        }
    }

    /// The hosts, worst first.
    func hosts(_ order: Order, limit: Int) -> [Host] {
        let all = zip(hostNames.names, hosts).filter { $0.1.count > 0 }.map { name, tally in
            Host(
                host: name, verifications: tally.count, converged: tally.converged,
                servedFromStart: tally.servedFromStart, late: tally.late, failed: tally.failed,
                statuses: tally.statuses, secondsToConverge: tally.percentiles)
        }
        return order.worst(limit, of: all, by: \.host) { ($0.failed, $0.late, $0.secondsToConverge) }
    }

    /// The values of the label, worst first.
    func labels(_ order: Order, limit: Int) -> [Label] {
        let all = labels.filter { $0.outcomes.count > 0 }.map { tally in
            Label(
                value: tally.value, hosts: tally.hosts.count, verifications: tally.verifications,
                outcomes: HostCounts(tally.outcomes), secondsToConverge: tally.outcomes.percentiles)
        }
        return order.worst(limit, of: all, by: { $0.value ?? "" }) {
            ($0.outcomes.failed, $0.outcomes.late, $0.secondsToConverge)
        }
    }

    /// The days or weeks in the order of time, including those between without a verification; at most the last ones.
    func periods(limit: Int) -> [Period] {
        let known = Dictionary(groups.map { ($0.period, $0) }, uniquingKeysWith: { first, _ in first })
        guard let first = known.keys.min(), let last = known.keys.max() else { return [] }
        var rows: [Period] = []
        var period = last
        while period >= first, rows.count < limit {
            let group = known[period]
            rows.append(
                Period(
                    period: period.name, startedAt: period.start.rfc3339, verifications: group?.count ?? 0,
                    converged: group.map { $0.count - $0.failed } ?? 0, failed: group?.failed ?? 0,
                    rolledBack: group?.rolledBack ?? 0, verdicts: group?.namedVerdicts ?? [:],
                    secondsToConverge: group?.hosts.percentiles, hosts: HostCounts(group?.hosts ?? HostStatistics())))
            period = period.previous
        }
        return rows.reversed()
    }

    /// The number of all rows.
    var count: Int {
        switch grouping {
        case .service: groups.count
        case .host: hosts.count { $0.count > 0 }
        case .label: labels.count { $0.outcomes.count > 0 }
        case .day, .week: periods(limit: .max).count
        }
    }
}

extension HistoryStatistics.HostCounts {
    fileprivate init(_ tally: HostStatistics) {
        self.init(
            converged: tally.converged, servedFromStart: tally.servedFromStart, late: tally.late, failed: tally.failed,
            statuses: tally.statuses)
    }
}

extension HistoryStatistics.Order {
    /// The first elements in descending order of their figures, equal ones by name.
    fileprivate func worst<Element>(
        _ limit: Int, of elements: [Element], by name: (Element) -> String,
        figures: (Element) -> (failed: Int, late: Int, times: Report.Summary.Percentiles?)
    ) -> [Element] {
        let sorted = elements.sorted { first, second in
            let (one, two) = (rank(figures(first)), rank(figures(second)))
            return one == two ? name(first) < name(second) : one > two
        }
        return Array(sorted.prefix(limit))
    }

    /// The sort key: the larger, the worse.
    private func rank(
        _ figures: (failed: Int, late: Int, times: Report.Summary.Percentiles?)
    ) -> (Double, Double, Double) {
        let (failed, late, time) = (Double(figures.failed), Double(figures.late), figures.times?.p95 ?? 0)
        return switch self {
        case .failed: (failed, late, time)
        case .late: (late, failed, time)
        case .time: (time, late, failed)
        }
    }
}

/// The outcomes of one host in all verifications, or of all hosts of one service, counted.
private struct HostStatistics {
    private(set) var converged = 0
    /// The number of times that a host served the target from the start. Older collectors recorded a time for it.
    private(set) var servedFromStart = 0
    /// The number of times that a host had not converged at the end, or did so much later than the others.
    private(set) var late = 0
    /// The number of times that a host ended with a status that is neither converged nor merely behind.
    private(set) var failed = 0
    /// The number of times that a host ended with each other status.
    private var others: [HostStatus: Int] = [:]
    /// Every time to converge, in seconds.
    private var times: [Double] = []

    var count: Int { others.values.reduce(converged, +) }

    /// The number of times that a host ended with each status, by the status's name.
    var statuses: [String: Int] {
        var statuses = Dictionary(uniqueKeysWithValues: others.map { ($0.key.rawValue, $0.value) })
        if converged > 0 { statuses[HostStatus.converged.rawValue] = converged }
        return statuses
    }

    /// Percentiles by the nearest-rank method over every convergence, so that each is a time that occurred.
    var percentiles: Report.Summary.Percentiles? {
        Percentiles(times.sorted()).map { .init(p50: $0.p50, p95: $0.p95, max: $0.max) }
    }

    /// Counts a verification's outcome of a host in its gate.
    ///
    /// - Returns: false if it counts neither for nor against the host.
    @discardableResult
    mutating func add(_ outcome: RecordedOutcome, of verification: VerificationSummary) -> Bool {
        let status = outcome.status
        if status == .converged {
            converged += 1
            guard let seconds = outcome.seconds else {
                servedFromStart += 1
                return true
            }
            times.append(seconds)
            if verification.isLate(seconds) { late += 1 }
            return true
        }
        // A host without enough time to converge is not late, and one that the collector itself lost has not failed.
        guard verification.gaveItsHostsTime, status.category != .behind || !verification.isCutShort else {
            return false
        }
        others[status, default: 0] += 1
        switch status.category {
        case .behind: late += 1
        case .proven, .ahead: break
        case .conflict, .failed, .rolledBack, .unproven: failed += 1
        }
        return true
    }
}

/// The facts about a verification by which its hosts' times are judged.
struct VerificationSummary: Hashable, Sendable {
    /// The ledger's number.
    var number: Int64
    var service: String
    var environment: EnvironmentName
    var startedAt: Date
    var verdict: Verdict
    /// nil if the collector was killed.
    var exitCode: Int32?
    /// The median of its hosts' times to converge, in seconds.
    var median: Double?
    /// The time between two requests to a host, in seconds.
    var interval: Double
    /// True if a failure ended it before its deadline: hosts that were behind might have converged.
    var isCutShort: Bool
    /// True if hosts went back, or a rollback undid its promotion.
    var isRolledBack: Bool

    /// True if the verification ran long enough to count against a host: it was not cut short, the collector did not doubt
    /// itself, and its inventory was not refused.
    var gaveItsHostsTime: Bool {
        switch verdict {
        case .superseded, .interrupted, .inconclusive, .emptyInventory, .inventoryShrunk: false
        case .converged, .convergedTolerated, .stragglers, .stalled, .failedDeploy, .rolledBack, .unreachable,
            .identityConflict:
            true
        }
    }

    /// True if a host converged much later than the others: after more than twice the median, and more than a polling interval
    /// (at least a second) after it. Smaller differences come from when hosts were polled.
    func isLate(_ seconds: Double) -> Bool {
        guard let median else { return false }
        return seconds > 2 * median && seconds > median + max(1, interval)
    }
}
