package import CollectorSupport
import FoundationEssentials
import Reports
import Shared
import Verdict

/// Past verifications as text, JSON or comma-separated values.
package struct HistoryTable {
    private let entries: [HistoryEntry]
    private let filter: HistoryFilter
    private let more: Int

    /// - Parameter more: the number of further entries, which the text mentions.
    package init(entries: [HistoryEntry], filter: HistoryFilter, more: Int = 0) {
        self.entries = entries
        self.filter = filter
        self.more = more
    }

    // MARK: - Text

    package func text(_ layout: TextLayout = .file) -> String {
        guard !entries.isEmpty else { return Self.nothing(filter) }
        var heading = ["ID", "STARTED", "SERVICE", "VERDICT", "PROVEN", "P50", "P95", "MAX", "TARGET"]
        if filter.host != nil { heading += ["STATUS", "REASON"] }
        var table = TextTable(heading)
        for entry in entries { table.add(row(entry)) }
        return table.render(layout) + Self.remainder(more, "verifications")
    }

    /// The line about rows beyond the limit; empty if there are none.
    fileprivate static func remainder(_ more: Int, _ what: String) -> String {
        more > 0 ? "… and \(more) more \(what): give --limit, or --format csv for all\n" : ""
    }

    /// The text for an empty result.
    fileprivate static func nothing(_ filter: HistoryFilter) -> String {
        let ending =
            switch filter.ending {
            case nil: "verification"
            case .failed?: "failed verification"
            case .verdict(let verdict)?: "verification with verdict \(verdict.rawValue)"
            }
        let service = filter.service.map { " of service '\(Sanitizer.singleLine($0, limit: 80))'" } ?? ""
        let host = filter.host.map { " with host '\(Sanitizer.singleLine($0, limit: 80))'" } ?? ""
        let since = filter.since.map { " since \($0.rfc3339)" } ?? ""
        return "no \(ending)\(service)\(host)\(since) is recorded\n"
    }

    private func row(_ entry: HistoryEntry) -> [String] {
        let cells = [
            entry.id, Self.second(entry.startedAt), entry.service, entry.verdict?.rawValue ?? entry.state.rawValue,
            "\(entry.proven.map(String.init) ?? "-")/\(entry.expected)",
        ]
        let target = Self.build(entry.gitSHA, entry.digest, entry.generation)
        let successor = entry.supersededBy.map {
            ", superseded by \(Self.build($0.gitSHA, $0.digest, $0.generation))"
        }
        let found = entry.host.map { [$0.status.rawValue, $0.reason] } ?? []
        return cells + entry.secondsToConverge.cells + [target + (successor ?? "")] + found
    }

    private static func build(_ gitSHA: GitSHA?, _ digest: Digest?, _ generation: Int?) -> String {
        ([gitSHA?.short, digest?.short].compactMap { $0 } + (generation.map { ["(\($0))"] } ?? []))
            .joined(separator: " ")
    }

    /// The time without its fraction, with a space for the `T`: `2026-11-23 13:19:01Z`.
    private static func second(_ time: String) -> String {
        guard time.utf8.count >= 20, time.hasSuffix("Z") else { return time }
        return time.prefix(19).replacing("T", with: " ") + "Z"
    }

    // MARK: - JSON

    /// `{"schema": 2, "verifications": […]}`, ending in a newline.
    package func json() throws -> String {
        struct Listing: Encodable {
            let schema = 2
            let verifications: [HistoryEntry]
        }
        return try JSONEncoder.prettyText(Listing(verifications: entries))
    }

    // MARK: - Comma-separated values

    /// The same columns for every filter; cells that do not apply are empty.
    package func csv() -> String {
        var table = CommaSeparatedTable([
            "id", "service", "generation", "git_sha", "digest", "started_at", "finished_at", "state", "verdict",
            "exit_code",
            "proven", "expected", "p50_seconds", "p95_seconds", "max_seconds", "superseded_by_generation",
            "superseded_by_git_sha", "superseded_by_digest", "host", "host_status", "host_seconds", "host_reason",
        ])
        for entry in entries {
            let (successor, host) = (entry.supersededBy, entry.host)
            table.add(
                [
                    .foreign(entry.id), .foreign(entry.service), .number(entry.generation), .number(entry.gitSHA?.hex),
                    .number(entry.digest), .plain(entry.startedAt), .number(entry.finishedAt),
                    .plain(entry.state.rawValue), .number(entry.verdict?.rawValue), .number(entry.exitCode),
                    .number(entry.proven), .number(entry.expected),
                ] + entry.secondsToConverge.values + [
                    .number(successor?.generation), .number(successor?.gitSHA?.hex), .number(successor?.digest),
                    .foreign(host?.name ?? ""), .number(host?.status.rawValue), .number(host?.secondsToConverge),
                    .foreign(host?.reason ?? ""),
                ])
        }
        return table.render()
    }
}

/// Statistics of services or hosts, worst first, as text, JSON or comma-separated values.
package struct StatisticsTable {
    private let statistics: HistoryStatistics
    private let filter: HistoryFilter
    private let order: HistoryStatistics.Order
    private let limit: Int
    private let tellsMore: Bool

    /// - Parameter tellsMore: true if the text mentions the number of rows beyond the limit.
    package init(
        statistics: HistoryStatistics, filter: HistoryFilter, order: HistoryStatistics.Order, limit: Int,
        tellsMore: Bool = false
    ) {
        self.statistics = statistics
        self.filter = filter
        self.order = order
        self.limit = limit
        self.tellsMore = tellsMore
    }

    private var services: [HistoryStatistics.Service] { statistics.services(order, limit: limit) }
    private var hosts: [HistoryStatistics.Host] { statistics.hosts(order, limit: limit) }

    // MARK: - Text

    package func text(_ layout: TextLayout = .file) -> String {
        guard statistics.verifications > 0 else { return HistoryTable.nothing(filter) }
        switch statistics.grouping {
        case .service:
            var table = TextTable(["SERVICE", "VERIFICATIONS", "FAILED", "P50", "P95", "MAX", "LATE", "VERDICTS"])
            for service in services {
                table.add(
                    [service.service, "\(service.verifications)", "\(service.failed)"] + service.secondsToConverge.cells
                        + ["\(service.hosts.late)", Self.counts(service.verdicts)])
            }
            return table.render(layout) + remainder
        case .host:
            var table = TextTable(["HOST", "VERIFICATIONS", "FAILED", "LATE", "P50", "P95", "MAX", "PROBLEMS"])
            for host in hosts {
                let problems = host.statuses.filter { $0.key != HostStatus.converged.rawValue }
                table.add(
                    [host.host, "\(host.verifications)", "\(host.failed)", "\(host.late)"]
                        + host.secondsToConverge.cells + [Self.counts(problems)])
            }
            return table.render(layout) + remainder
        }
    }

    private var remainder: String {
        guard tellsMore else { return "" }
        return switch statistics.grouping {
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

    // MARK: - JSON

    /// Ends in a newline.
    package func json() throws -> String {
        struct Listing: Encodable {
            let schema = 2
            let by: String
            @ExplicitNull var since: String?
            let verifications: Int
            let services: [HistoryStatistics.Service]?
            let hosts: [HistoryStatistics.Host]?
        }
        let grouping = statistics.grouping
        return try JSONEncoder.prettyText(
            Listing(
                by: grouping.rawValue, since: filter.since?.rfc3339, verifications: statistics.verifications,
                services: grouping == .service ? services : nil, hosts: grouping == .host ? hosts : nil))
    }

    // MARK: - Comma-separated values

    package func csv() -> String {
        let times = ["p50_seconds", "p95_seconds", "max_seconds"]
        switch statistics.grouping {
        case .service:
            var table = CommaSeparatedTable(
                ["service", "verifications", "failed"] + times + [
                    "hosts_converged", "hosts_late", "hosts_failed", "verdicts",
                ])
            for service in services {
                table.add(
                    [.foreign(service.service), .number(service.verifications), .number(service.failed)]
                        + service.secondsToConverge.values
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
                    ] + host.secondsToConverge.values + [.plain(Self.counts(host.statuses, separator: "; "))])
            }
            return table.render()
        }
    }
}

extension Report.Summary.Percentiles? {
    /// Three cells of a text table.
    fileprivate var cells: [String] {
        guard let self else { return ["-", "-", "-"] }
        return [self.p50, self.p95, self.max].map { Duration(clampingSeconds: $0).brief }
    }

    /// Three comma-separated values.
    fileprivate var values: [CommaSeparatedTable.Cell] {
        [.number(self?.p50), .number(self?.p95), .number(self?.max)]
    }
}
