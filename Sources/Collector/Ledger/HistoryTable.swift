import CollectorSupport
import FoundationEssentials
import Reports
import Shared
import Verdict

/// Past verifications: as a table, as JSON, and as comma-separated values.
package struct HistoryTable {
    package let entries: [HistoryEntry]
    package let filter: HistoryFilter
    /// How many there are beyond these, as far as that is to be said.
    package var more = 0

    package init(entries: [HistoryEntry], filter: HistoryFilter, more: Int = 0) {
        self.entries = entries
        self.filter = filter
        self.more = more
    }

    // MARK: - Text

    package func text() -> String {
        guard !entries.isEmpty else { return Self.nothing(filter) }
        var heading = ["ID", "STARTED", "SERVICE", "VERDICT", "PROVEN", "P50", "P95", "MAX", "TARGET"]
        if filter.host != nil { heading += ["STATUS", "REASON"] }
        var table = TextTable(heading)
        for entry in entries { table.add(row(entry)) }
        return table.render() + Self.remainder(more, "verifications")
    }

    /// What is said of the rows that the limit leaves out; empty where there are none.
    static func remainder(_ more: Int, _ what: String) -> String {
        more > 0 ? "… and \(more) more \(what): give --limit, or --format csv for all\n" : ""
    }

    /// What is said where nothing was found.
    package static func nothing(_ filter: HistoryFilter) -> String {
        let service = filter.service.map { " of the service '\(Sanitizer.singleLine($0, limit: 80))'" } ?? ""
        let host = filter.host.map { " of a host '\(Sanitizer.singleLine($0, limit: 80))'" } ?? ""
        let since = filter.since.map { " since \($0.rfc3339)" } ?? ""
        let ending =
            switch filter.ending {
            case nil: ""
            case .failed?: " that failed"
            case .verdict(let verdict)?: " that ended with \(verdict.rawValue)"
            }
        return "no verification\(ending)\(service)\(host)\(since) is recorded\n"
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

    /// `2026-11-23T13:19:01.250Z` without what nobody reads in a table.
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
        return try LedgerJSON.text(Listing(verifications: entries))
    }

    // MARK: - Comma-separated values

    /// The same columns whatever was asked for; what does not apply is empty.
    package func csv() -> String {
        var table = CommaSeparatedTable([
            "id", "service", "generation", "git_sha", "digest", "started_at", "finished_at", "state", "verdict",
            "exit_code",
            "proven", "expected", "p50_seconds", "p95_seconds", "max_seconds", "superseded_by_generation",
            "superseded_by_git_sha", "superseded_by_digest", "host", "host_status", "host_seconds", "host_reason",
        ])
        for entry in entries {
            let (times, successor, host) = (entry.secondsToConverge, entry.supersededBy, entry.host)
            table.add([
                .foreign(entry.id), .foreign(entry.service), .number(entry.generation), .number(entry.gitSHA?.hex),
                .number(entry.digest), .plain(entry.startedAt), .number(entry.finishedAt), .plain(entry.state.rawValue),
                .number(entry.verdict?.rawValue), .number(entry.exitCode), .number(entry.proven),
                .number(entry.expected), .number(times?.p50), .number(times?.p95), .number(times?.max),
                .number(successor?.generation), .number(successor?.gitSHA?.hex), .number(successor?.digest),
                .foreign(host?.name ?? ""), .number(host?.status.rawValue), .number(host?.secondsToConverge),
                .foreign(host?.reason ?? ""),
            ])
        }
        return table.render()
    }
}

extension Report.Summary.Percentiles? {
    /// Three cells of a text table.
    package var cells: [String] {
        guard let self else { return ["-", "-", "-"] }
        return [self.p50, self.p95, self.max].map { Duration(clampingSeconds: $0).brief }
    }
}
