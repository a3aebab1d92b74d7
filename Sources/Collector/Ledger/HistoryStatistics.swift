import CollectorSupport
package import Reports
import Shared
import Verdict

/// How services and hosts did over a period: times to converge, and what went wrong how often.
package struct HistoryStatistics {
    package enum Grouping: String, CaseIterable, Sendable { case service, host }

    /// What comes first.
    package enum Order: String, CaseIterable, Sendable { case failed, late, time }

    package struct Service: Codable, Hashable, Sendable {
        package var service: String
        /// That ended in the period.
        package var verifications: Int
        /// Those that did not end with exit code 0.
        package var failed: Int
        /// How many ended with which verdict.
        package var verdicts: [String: Int]
        /// Over every host that converged in one of them.
        @ExplicitNull var secondsToConverge: Report.Summary.Percentiles?
        package var hosts: Hosts

        package init(
            service: String, verifications: Int, failed: Int, verdicts: [String: Int],
            secondsToConverge: Report.Summary.Percentiles? = nil, hosts: Hosts
        ) {
            self.service = service
            self.verifications = verifications
            self.failed = failed
            self.verdicts = verdicts
            self.secondsToConverge = secondsToConverge
            self.hosts = hosts
        }

        /// Of all hosts in all of the verifications.
        package struct Hosts: Codable, Hashable, Sendable {
            package var converged: Int
            package var late: Int
            package var failed: Int
            package var statuses: [String: Int]

            package init(converged: Int, late: Int, failed: Int, statuses: [String: Int]) {
                self.converged = converged
                self.late = late
                self.failed = failed
                self.statuses = statuses
            }
        }

        package enum CodingKeys: String, CodingKey {
            case service, verifications, failed, verdicts, hosts
            case secondsToConverge = "seconds_to_converge"
        }
    }

    package struct Host: Codable, Hashable, Sendable {
        package var host: String
        /// That said something of the host; see ``VerificationSummary/gaveItsHostsTime``.
        package var verifications: Int
        package var converged: Int
        package var late: Int
        package var failed: Int
        /// How often each status stood at the end.
        package var statuses: [String: Int]
        @ExplicitNull var secondsToConverge: Report.Summary.Percentiles?

        package init(
            host: String, verifications: Int, converged: Int, late: Int, failed: Int, statuses: [String: Int],
            secondsToConverge: Report.Summary.Percentiles? = nil
        ) {
            self.host = host
            self.verifications = verifications
            self.converged = converged
            self.late = late
            self.failed = failed
            self.statuses = statuses
            self.secondsToConverge = secondsToConverge
        }

        package enum CodingKeys: String, CodingKey {
            case host, verifications, converged, late, failed, statuses
            case secondsToConverge = "seconds_to_converge"
        }
    }

    package let grouping: Grouping
    /// How many verifications ended in the period.
    package private(set) var verifications = 0
    private var services: [ServiceStatistics] = []
    private var serviceNumbers: [String: Int] = [:]
    private var hostNames = StringInterner()
    private var hosts: [HostStatistics] = []
    /// Whose hosts are being added.
    private var verification: VerificationSummary?
    private var service = 0

    private struct ServiceStatistics {
        let name: String
        var verdicts: [Verdict: Int] = [:]
        var failed = 0
        var hosts = HostStatistics()
    }

    init(by grouping: Grouping) {
        self.grouping = grouping
    }

    /// A verification that ended; its hosts come next. Those of one service are best added one after the other.
    mutating func add(_ verification: VerificationSummary) {
        verifications += 1
        service = serviceNumbers[verification.service, default: services.count]
        if service == services.count {
            services.append(ServiceStatistics(name: verification.service))
            serviceNumbers[verification.service] = service
        }
        services[service].verdicts[verification.verdict, default: 0] += 1
        if verification.exitCode != 0 { services[service].failed += 1 }
        hostNames.beginList()
        self.verification = verification
    }

    /// A host of the verification that was added last, by name.
    mutating func addHost(_ name: @autoclosure () -> String, _ status: HostStatus, seconds: Double?) {
        guard let verification else { return }
        switch grouping {
        case .service: services[service].hosts.add(status, seconds: seconds, of: verification)
        case .host:
            let host = hostNames.number(of: name())
            if host == hosts.count { hosts.append(HostStatistics()) }
            hosts[host].add(status, seconds: seconds, of: verification)
        }
    }

    /// The services, worst first.
    package func services(_ order: Order, limit: Int) -> [Service] {
        let all = services.map { tally in
            Service(
                service: tally.name, verifications: tally.verdicts.values.reduce(0, +), failed: tally.failed,
                verdicts: Dictionary(uniqueKeysWithValues: tally.verdicts.map { ($0.key.rawValue, $0.value) }),
                secondsToConverge: tally.hosts.percentiles,
                hosts: .init(
                    converged: tally.hosts.converged, late: tally.hosts.late, failed: tally.hosts.failed,
                    statuses: tally.hosts.statuses))
        }
        let sorted = all.sorted { first, second in
            let (one, two) = (
                order.rank(first.failed, first.hosts.late, first.secondsToConverge),
                order.rank(second.failed, second.hosts.late, second.secondsToConverge)
            )
            return one == two ? first.service < second.service : one > two
        }
        return Array(sorted.prefix(limit))
    }

    /// The hosts, worst first.
    package func hosts(_ order: Order, limit: Int) -> [Host] {
        let all = zip(hostNames.names, hosts).filter { $0.1.count > 0 }.map { name, tally in
            Host(
                host: name, verifications: tally.count, converged: tally.converged, late: tally.late,
                failed: tally.failed, statuses: tally.statuses, secondsToConverge: tally.percentiles)
        }
        let sorted = all.sorted { first, second in
            let (one, two) = (
                order.rank(first.failed, first.late, first.secondsToConverge),
                order.rank(second.failed, second.late, second.secondsToConverge)
            )
            return one == two ? first.host < second.host : one > two
        }
        return Array(sorted.prefix(limit))
    }
}

extension HistoryStatistics.Order {
    /// What is compared, the larger the worse.
    fileprivate func rank(
        _ failed: Int, _ late: Int, _ times: Report.Summary.Percentiles?
    ) -> (Double, Double, Double) {
        let time = times?.p95 ?? 0
        return switch self {
        case .failed: (Double(failed), Double(late), time)
        case .late: (Double(late), Double(failed), time)
        case .time: (time, Double(late), Double(failed))
        }
    }
}
