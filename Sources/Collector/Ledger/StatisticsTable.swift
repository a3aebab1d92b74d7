import CollectorSupport
import FoundationEssentials
import Reports
import Shared
import Verdict

/// Statistics of services or hosts, worst first: as a table, as JSON, and as comma-separated values.
package struct StatisticsTable {
    package let statistics: HistoryStatistics
    package let filter: HistoryFilter
    package let grouping: HistoryStatistics.Grouping
    package let order: HistoryStatistics.Order
    package let limit: Int
    /// Whether the text says how many the limit leaves out.
    package var tellsMore = false

    package init(
        statistics: HistoryStatistics, filter: HistoryFilter, grouping: HistoryStatistics.Grouping,
        order: HistoryStatistics.Order, limit: Int, tellsMore: Bool = false
    ) {
        self.statistics = statistics
        self.filter = filter
        self.grouping = grouping
        self.order = order
        self.limit = limit
        self.tellsMore = tellsMore
    }

    private var services: [HistoryStatistics.Service] { statistics.services(order, limit: limit) }
    private var hosts: [HistoryStatistics.Host] { statistics.hosts(order, limit: limit) }

    // MARK: - Text

    package func text() -> String {
        guard statistics.verifications > 0 else { return HistoryTable.nothing(filter) }
        switch grouping {
        case .service:
            var table = TextTable(["SERVICE", "VERIFICATIONS", "FAILED", "P50", "P95", "MAX", "LATE", "VERDICTS"])
            for service in services {
                table.add(
                    [service.service, "\(service.verifications)", "\(service.failed)"] + service.secondsToConverge.cells
                        + ["\(service.hosts.late)", Self.counts(service.verdicts)])
            }
            return table.render() + remainder
        case .host:
            var table = TextTable(["HOST", "VERIFICATIONS", "FAILED", "LATE", "P50", "P95", "MAX", "WHAT WENT WRONG"])
            for host in hosts {
                table.add(
                    [host.host, "\(host.verifications)", "\(host.failed)", "\(host.late)"]
                        + host.secondsToConverge.cells
                        + [Self.counts(Self.troubles(host.statuses))])
            }
            return table.render() + remainder
        }
    }

    private var remainder: String {
        guard tellsMore else { return "" }
        return switch grouping {
        case .service:
            HistoryTable.remainder(statistics.services(order, limit: .max).count - services.count, "services")
        case .host: HistoryTable.remainder(statistics.hosts(order, limit: .max).count - hosts.count, "hosts")
        }
    }

    /// `converged 89, stragglers 11`: the most frequent first.
    private static func counts(_ counts: [String: Int], separator: String = ", ") -> String {
        counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.key) \($0.value)" }
            .joined(separator: separator)
    }

    private static func troubles(_ statuses: [String: Int]) -> [String: Int] {
        statuses.filter { $0.key != HostStatus.converged.rawValue }
    }

    // MARK: - JSON

    /// Ends in a newline.
    package func json() throws -> String {
        try LedgerJSON.text(
            Listing(
                by: grouping.rawValue, since: filter.since?.rfc3339, verifications: statistics.verifications,
                services: grouping == .service ? services : nil, hosts: grouping == .host ? hosts : nil))
    }

    private struct Listing: Encodable {
        let schema = 2
        let by: String
        @ExplicitNull var since: String?
        let verifications: Int
        let services: [HistoryStatistics.Service]?
        let hosts: [HistoryStatistics.Host]?

        init(
            by: String, since: String?, verifications: Int, services: [HistoryStatistics.Service]?,
            hosts: [HistoryStatistics.Host]?
        ) {
            self.by = by
            self.verifications = verifications
            self.services = services
            self.hosts = hosts
            self.since = since
        }
    }

    // MARK: - Comma-separated values

    package func csv() -> String {
        let times = ["p50_seconds", "p95_seconds", "max_seconds"]
        switch grouping {
        case .service:
            var table = CommaSeparatedTable(
                ["service", "verifications", "failed"] + times + [
                    "hosts_converged", "hosts_late", "hosts_failed", "verdicts",
                ])
            for service in services {
                table.add(
                    [.foreign(service.service), .number(service.verifications), .number(service.failed)]
                        + Self.cells(service.secondsToConverge)
                        + [
                            .number(service.hosts.converged), .number(service.hosts.late),
                            .number(service.hosts.failed),
                            .plain(Self.counts(service.verdicts, separator: "; ")),
                        ])
            }
            return table.render()
        case .host:
            var table = CommaSeparatedTable(
                ["host", "verifications", "converged", "late", "failed"] + times + ["statuses"])
            for host in hosts {
                table.add(
                    [
                        .foreign(host.host), .number(host.verifications), .number(host.converged), .number(host.late),
                        .number(host.failed),
                    ] + Self.cells(host.secondsToConverge) + [.plain(Self.counts(host.statuses, separator: "; "))])
            }
            return table.render()
        }
    }

    private static func cells(_ times: Report.Summary.Percentiles?) -> [CommaSeparatedTable.Cell] {
        [.number(times?.p50), .number(times?.p95), .number(times?.max)]
    }
}
