import CollectorSupport
import Reports
import Shared
import Verdict

/// Statistics of services or hosts over a period: times to converge, and the number of each outcome.
package struct HistoryStatistics {
    package enum Grouping: String, CaseIterable, Sendable { case service, host }

    /// The sort key, worst first.
    package enum Order: String, CaseIterable, Sendable { case failed, late, time }

    struct Service: Codable, Hashable, Sendable {
        var service: String
        /// Verifications that ended in the period.
        var verifications: Int
        /// Verifications that did not end with exit code 0.
        var failed: Int
        /// The number of verifications with each verdict.
        var verdicts: [String: Int]
        /// Percentiles over every host that converged in one of the verifications.
        @ExplicitNull var secondsToConverge: Report.Summary.Percentiles?
        var hosts: Hosts

        /// The outcomes of all hosts in all of the verifications.
        struct Hosts: Codable, Hashable, Sendable {
            var converged: Int
            var late: Int
            var failed: Int
            var statuses: [String: Int]
        }

        enum CodingKeys: String, CodingKey {
            case service, verifications, failed, verdicts, hosts
            case secondsToConverge = "seconds_to_converge"
        }
    }

    struct Host: Codable, Hashable, Sendable {
        var host: String
        /// Verifications that count for or against the host; see ``VerificationSummary/gaveItsHostsTime``.
        var verifications: Int
        var converged: Int
        var late: Int
        var failed: Int
        /// The number of verifications that ended with each status.
        var statuses: [String: Int]
        @ExplicitNull var secondsToConverge: Report.Summary.Percentiles?

        enum CodingKeys: String, CodingKey {
            case host, verifications, converged, late, failed, statuses
            case secondsToConverge = "seconds_to_converge"
        }
    }

    let grouping: Grouping
    /// Verifications that ended in the period.
    private(set) var verifications = 0
    private var services: [ServiceStatistics] = []
    private var serviceNumbers: [String: Int] = [:]
    private var hostNames = StringInterner()
    private var hosts: [HostStatistics] = []
    /// The verification whose hosts are being added, and the index of its service.
    private var current: (verification: VerificationSummary, service: Int)?

    private struct ServiceStatistics {
        let name: String
        var verdicts: [Verdict: Int] = [:]
        var failed = 0
        var hosts = HostStatistics()
    }

    init(by grouping: Grouping) {
        self.grouping = grouping
    }

    /// Adds a verification that ended; its hosts follow. It is fastest to add the verifications of a service together.
    mutating func add(_ verification: VerificationSummary) {
        verifications += 1
        let service = serviceNumbers[verification.service, default: services.count]
        if service == services.count {
            services.append(ServiceStatistics(name: verification.service))
            serviceNumbers[verification.service] = service
        }
        services[service].verdicts[verification.verdict, default: 0] += 1
        if verification.exitCode != 0 { services[service].failed += 1 }
        hostNames.beginList()
        current = (verification, service)
    }

    /// Adds a host of the verification that was added last.
    mutating func addHost(_ name: @autoclosure () -> String, _ status: HostStatus, seconds: Double?) {
        guard let (verification, service) = current else { return }
        switch grouping {
        case .service: services[service].hosts.add(status, seconds: seconds, of: verification)
        case .host:
            let host = hostNames.number(of: name())
            if host == hosts.count { hosts.append(HostStatistics()) }
            hosts[host].add(status, seconds: seconds, of: verification)
        }
    }

    /// The services, worst first.
    func services(_ order: Order, limit: Int) -> [Service] {
        let all = services.map { tally in
            Service(
                service: tally.name, verifications: tally.verdicts.values.reduce(0, +), failed: tally.failed,
                verdicts: Dictionary(uniqueKeysWithValues: tally.verdicts.map { ($0.key.rawValue, $0.value) }),
                secondsToConverge: tally.hosts.percentiles,
                hosts: .init(
                    converged: tally.hosts.converged, late: tally.hosts.late, failed: tally.hosts.failed,
                    statuses: tally.hosts.statuses))
        }
        return order.worst(limit, of: all, by: \.service) { ($0.failed, $0.hosts.late, $0.secondsToConverge) }
    }

    /// The hosts, worst first.
    func hosts(_ order: Order, limit: Int) -> [Host] {
        let all = zip(hostNames.names, hosts).filter { $0.1.count > 0 }.map { name, tally in
            Host(
                host: name, verifications: tally.count, converged: tally.converged, late: tally.late,
                failed: tally.failed, statuses: tally.statuses, secondsToConverge: tally.percentiles)
        }
        return order.worst(limit, of: all, by: \.host) { ($0.failed, $0.late, $0.secondsToConverge) }
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
    mutating func add(_ status: HostStatus, seconds: Double?, of verification: VerificationSummary) {
        if status == .converged {
            converged += 1
            guard let seconds else { return }
            times.append(seconds)
            if verification.isLate(seconds) { late += 1 }
            return
        }
        // A host without enough time to converge is not late, and one that the collector itself lost has not failed.
        guard verification.gaveItsHostsTime else { return }
        others[status, default: 0] += 1
        switch status.category {
        case .behind: late += 1
        case .proven, .ahead: break
        case .conflict, .failed, .rolledBack, .unproven: failed += 1
        }
    }
}

/// The facts about a verification by which its hosts' times are judged.
struct VerificationSummary: Hashable, Sendable {
    /// The ledger's number.
    var number: Int64
    var service: String
    var verdict: Verdict
    /// nil if the collector was killed.
    var exitCode: Int32?
    /// The median of its hosts' times to converge, in seconds.
    var median: Double?

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

    /// True if a host converged much later than the others: after more than twice the median, and more than a second after it.
    /// Smaller differences come from when hosts were polled.
    func isLate(_ seconds: Double) -> Bool {
        guard let median else { return false }
        return seconds > 2 * median && seconds > median + 1
    }
}

/// Numbers names in order of first occurrence; fast if similar lists of names follow each other.
///
/// Hundreds of verifications list mostly the same hosts by name. Checking that the next name is the one that came next in the
/// previous list takes a comparison; looking it up would take a hash.
struct StringInterner {
    /// The names by number.
    private(set) var names: [String] = []
    private var numbers: [String: Int] = [:]
    /// The numbers of the previous and of the current list, in order.
    private var previous: [Int] = []
    private var current: [Int] = []
    /// The index in the previous list at which the next name is expected.
    private var expected = 0
    /// Each number's index in the latest list that it was in.
    private var places: [Int] = []

    /// Begins a new list of names.
    mutating func beginList() {
        for (place, number) in current.enumerated() { places[number] = place }
        swap(&previous, &current)
        current.removeAll(keepingCapacity: true)
        expected = 0
    }

    /// The name's number, from 0.
    mutating func number(of name: String) -> Int {
        let number: Int
        if expected < previous.count, names[previous[expected]] == name {
            number = previous[expected]
            expected += 1
        } else if let known = numbers[name] {
            number = known
            // Names before it might have been removed.
            let place = places[known]
            if place < previous.count, previous[place] == known { expected = place + 1 }
        } else {
            number = names.count
            names.append(name)
            places.append(0)
            numbers[name] = number
        }
        current.append(number)
        return number
    }
}
