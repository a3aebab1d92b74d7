package import CollectorSupport
import FoundationEssentials
import Reports
import Shared
import Verdict

/// Statistics of services, hosts, periods or labels, as text, JSON or comma-separated values.
package struct StatisticsTable {
    private let statistics: HistoryStatistics
    private let filter: HistoryFilter
    private let order: HistoryStatistics.Order
    private let limit: Int

    package init(
        statistics: HistoryStatistics, filter: HistoryFilter, order: HistoryStatistics.Order, limit: Int
    ) {
        self.statistics = statistics
        self.filter = filter
        self.order = order
        self.limit = limit
    }

    private var services: [HistoryStatistics.Service] { statistics.services(order, limit: limit) }
    private var hosts: [HistoryStatistics.Host] { statistics.hosts(order, limit: limit) }
    private var labels: [HistoryStatistics.Label] { statistics.labels(order, limit: limit) }
    private var periods: [HistoryStatistics.Period] { statistics.periods(limit: limit) }
    /// The number of rows beyond the limit.
    private var more: Int { max(0, statistics.count - limit) }

    // MARK: - Text

    package func text(_ layout: TextLayout = .file) -> String {
        guard statistics.verifications > 0 else { return HistoryTable.nothing(filter) }
        switch statistics.grouping {
        case .service: return servicesText(layout) + HistoryTable.remainder(more, "services")
        case .host: return hostsText(layout) + HistoryTable.remainder(more, "hosts")
        case .label: return labelsText(layout) + HistoryTable.remainder(more, "values")
        case .day: return earlier("days") + periodsText("DAY", layout)
        case .week: return earlier("weeks") + periodsText("WEEK", layout)
        }
    }

    private func earlier(_ what: String) -> String {
        more > 0 ? "… \(more) earlier \(what): give --limit, or --format csv for all\n" : ""
    }

    /// The order in which a narrow terminal does without the times to converge.
    private static let times: [TextTable.Narrowing] = [.leaveOut("P50"), .leaveOut("MAX"), .leaveOut("P95")]

    private func servicesText(_ layout: TextLayout) -> String {
        let services = services
        let hasEnvironments = Set(services.map(\.environment)).count > 1
        var table = TextTable(
            ["SERVICE"] + (hasEnvironments ? ["ENVIRONMENT"] : [])
                + ["VERIFICATIONS", "FAILED", "P50", "P95", "MAX", "LATE", "VERDICTS"],
            narrowings: Self.times)
        for service in services {
            table.add(
                [service.service] + (hasEnvironments ? ["\(service.environment)"] : [])
                    + ["\(service.verifications)", "\(service.failed)"] + service.secondsToConverge.cells
                    + ["\(service.hosts.late)", Self.counts(service.verdicts)])
        }
        return table.render(layout)
    }

    private func hostsText(_ layout: TextLayout) -> String {
        var table = TextTable(
            ["HOST", "VERIFICATIONS", "FAILED", "LATE", "P50", "P95", "MAX", "PROBLEMS"],
            narrowings: Self.times)
        for host in hosts {
            table.add(
                [host.host, "\(host.verifications)", "\(host.failed)", "\(host.late)"]
                    + host.secondsToConverge.cells + [Self.problems(host.statuses)])
        }
        return table.render(layout)
    }

    private func labelsText(_ layout: TextLayout) -> String {
        var table = TextTable(
            [
                labelKey.uppercased(), "HOSTS", "VERIFICATIONS", "CONVERGED", "FAILED", "LATE", "P50", "P95", "MAX",
                "PROBLEMS",
            ], narrowings: Self.times)
        for label in labels {
            let outcomes = label.outcomes
            let share = Self.share(outcomes.converged, of: outcomes.statuses.values.reduce(0, +))
            table.add(
                [
                    label.value ?? "(no label)", "\(label.hosts)", "\(label.verifications)", share,
                    "\(outcomes.failed)", "\(outcomes.late)",
                ] + label.secondsToConverge.cells + [Self.problems(outcomes.statuses)])
        }
        return table.render(layout)
    }

    private func periodsText(_ heading: String, _ layout: TextLayout) -> String {
        var table = TextTable(
            [heading, "VERIFICATIONS", "GREEN", "", "FAILED", "ROLLED BACK", "LATE", "P50", "P95", "MAX"],
            narrowings: Self.times + [.leaveOut("")], wrapsLast: false)
        for period in periods {
            table.add(
                [
                    period.period, "\(period.verifications)", Self.share(period.converged, of: period.verifications),
                    Self.bar(period.share), "\(period.failed)", "\(period.rolledBack)", "\(period.hosts.late)",
                ] + period.secondsToConverge.cells)
        }
        return table.render(layout)
    }

    /// A share as a bar of ten signs, which only a share of 1 fills; empty without a share.
    private static func bar(_ share: Double?) -> String {
        guard let share else { return "" }
        let filled = Int((share * 10).rounded(.down))
        return String(repeating: "=", count: filled) + String(repeating: ".", count: 10 - filled)
    }

    /// In whole percent, rounded down, so that only all of them are 100 %.
    private static func share(_ part: Int, of whole: Int) -> String { whole > 0 ? "\(part * 100 / whole) %" : "-" }

    private var labelKey: String { if case .label(let key) = statistics.grouping { key } else { "" } }

    private static func problems(_ statuses: [String: Int]) -> String {
        counts(statuses.filter { $0.key != HostStatus.converged.rawValue })
    }

    /// `converged 89, stragglers 11`: the most frequent first.
    private static func counts(_ counts: [String: Int], separator: String = ", ") -> String {
        counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.key) \($0.value)" }
            .joined(separator: separator)
    }

    // MARK: - JSON

    /// Ends in a newline.
    package func json() throws -> String {
        struct Listing: Encodable {
            let schema = 2
            let by: String
            let label: String?
            @ExplicitNull var since: String?
            @ExplicitNull var until: String?
            let verifications: Int
            let services: [HistoryStatistics.Service]?
            let hosts: [HistoryStatistics.Host]?
            let labels: [HistoryStatistics.Label]?
            let periods: [HistoryStatistics.Period]?
            let leftOut: Int

            enum CodingKeys: String, CodingKey {
                case schema, by, label, since, until, verifications, services, hosts, labels, periods
                case leftOut = "left_out"
            }
        }
        let grouping = statistics.grouping
        return try JSONEncoder.prettyText(
            Listing(
                by: grouping.name, label: labelKey.isEmpty ? nil : labelKey, since: filter.since?.rfc3339,
                until: filter.until?.rfc3339, verifications: statistics.verifications,
                services: grouping == .service ? services : nil, hosts: grouping == .host ? hosts : nil,
                labels: labelKey.isEmpty ? nil : labels, periods: grouping.isSortable ? nil : periods, leftOut: more))
    }

    // MARK: - Comma-separated values

    private static let timeColumns = ["p50_seconds", "p95_seconds", "max_seconds"]

    package func csv() -> String {
        switch statistics.grouping {
        case .service: servicesValues
        case .host: hostsValues
        case .label: labelsValues
        case .day, .week: periodsValues
        }
    }

    private var servicesValues: String {
        var table = CommaSeparatedTable(
            ["service", "verifications", "failed"] + Self.timeColumns
                + [
                    "hosts_converged", "hosts_late", "hosts_failed", "verdicts", "environment", "rolled_back",
                    "hosts_served_from_start",
                ])
        for service in services {
            table.add(
                [.foreign(service.service), .number(service.verifications), .number(service.failed)]
                    + service.secondsToConverge.values
                    + [
                        .number(service.hosts.converged), .number(service.hosts.late), .number(service.hosts.failed),
                        .plain(Self.counts(service.verdicts, separator: "; ")), .foreign("\(service.environment)"),
                        .number(service.rolledBack), .number(service.hosts.servedFromStart),
                    ])
        }
        return table.render()
    }

    private var hostsValues: String {
        var table = CommaSeparatedTable(
            ["host", "verifications", "converged", "late", "failed"] + Self.timeColumns + [
                "statuses", "served_from_start",
            ])
        for host in hosts {
            table.add(
                [
                    .foreign(host.host), .number(host.verifications), .number(host.converged), .number(host.late),
                    .number(host.failed),
                ] + host.secondsToConverge.values
                    + [.plain(Self.counts(host.statuses, separator: "; ")), .number(host.servedFromStart)])
        }
        return table.render()
    }

    private var labelsValues: String {
        var table = CommaSeparatedTable(
            ["label", "value", "hosts", "verifications", "converged", "served_from_start", "late", "failed"]
                + Self.timeColumns
                + ["statuses"])
        for label in labels {
            let outcomes = label.outcomes
            table.add(
                [
                    .foreign(labelKey), .foreign(label.value ?? ""), .number(label.hosts), .number(label.verifications),
                    .number(outcomes.converged), .number(outcomes.servedFromStart), .number(outcomes.late),
                    .number(outcomes.failed),
                ] + label.secondsToConverge.values + [.plain(Self.counts(outcomes.statuses, separator: "; "))])
        }
        return table.render()
    }

    private var periodsValues: String {
        var table = CommaSeparatedTable(
            ["period", "started_at", "verifications", "converged", "failed", "rolled_back"] + Self.timeColumns
                + ["hosts_converged", "hosts_served_from_start", "hosts_late", "hosts_failed", "verdicts"])
        for period in periods {
            table.add(
                [
                    .plain(period.period), .plain(period.startedAt), .number(period.verifications),
                    .number(period.converged), .number(period.failed), .number(period.rolledBack),
                ] + period.secondsToConverge.values
                    + [
                        .number(period.hosts.converged), .number(period.hosts.servedFromStart),
                        .number(period.hosts.late), .number(period.hosts.failed),
                        .plain(Self.counts(period.verdicts, separator: "; ")),
                    ])
        }
        return table.render()
    }
}
