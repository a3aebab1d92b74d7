package import CollectorSupport
import FoundationEssentials
import Reports
import Shared
import Verdict

/// Past verifications, and the recorded statuses of a host, as text, JSON or comma-separated values.
package struct HistoryTable {
    private let entries: [HistoryEntry]
    private let statuses: [RecordedStatus]
    private let filter: HistoryFilter
    private let more: Int

    /// - Parameters:
    ///   - statuses: of the host that the filter names, newest first; empty without one.
    ///   - limit: the number of rows, of both kinds together.
    ///   - more: the number of further verifications that are not among the entries.
    package init(
        entries: [HistoryEntry], statuses: [RecordedStatus] = [], filter: HistoryFilter, limit: Int = .max,
        more: Int = 0
    ) {
        let times = (entries.map(\.startedAt) + statuses.map(\.firstAt)).sorted(by: >)
        let oldest = times.count > limit ? times[limit - 1] : ""
        self.entries = entries.filter { $0.startedAt >= oldest }
        self.statuses = statuses.filter { $0.firstAt >= oldest }
        self.filter = filter
        self.more = more + times.count - self.entries.count - self.statuses.count
    }

    /// A row of the table.
    private enum Row {
        case verification(HistoryEntry)
        case status(RecordedStatus)

        var startedAt: String {
            switch self {
            case .verification(let entry): entry.startedAt
            case .status(let status): status.firstAt
            }
        }

        var service: String {
            switch self {
            case .verification(let entry): entry.service
            case .status(let status): status.service
            }
        }

        var environment: EnvironmentName {
            switch self {
            case .verification(let entry): entry.environment
            case .status(let status): status.environment
            }
        }
    }

    /// All rows, newest first.
    private var rows: [Row] {
        let rows = entries.map(Row.verification) + statuses.map(Row.status)
        return statuses.isEmpty ? rows : rows.sorted { $0.startedAt > $1.startedAt }
    }

    // MARK: - Text

    package func text(_ layout: TextLayout = .file) -> String {
        let rows = rows
        guard !rows.isEmpty else { return Self.nothing(filter) }
        let hasEnvironments = Set(rows.map(\.environment)).count > 1
        let environment = hasEnvironments ? ["ENVIRONMENT"] : []
        let heading =
            filter.host == nil
            ? ["ID", "STARTED", "SERVICE"] + environment + ["VERDICT", "PROVEN", "P50", "P95", "MAX", "TARGET"]
            : ["ID", "STARTED", "ENDED", "SERVICE"] + environment + ["VERDICT", "STATUS", "SERVED", "TARGET", "REASON"]
        let service: [TextTable.Narrowing] =
            Set(rows.map(\.service)).count == 1 ? [.leaveOut("SERVICE")] : []
        // A beginning of the ID is enough for `report`, and the ID contains the start.
        let narrowings: [TextTable.Narrowing] =
            filter.host == nil
            ? [.shorten("TARGET"), .leaveOut("P50"), .leaveOut("P95"), .leaveOut("MAX"), .leaveOut("STARTED")] + service
                + [.leaveOut("PROVEN")]
            : [.shorten("SERVED"), .shorten("TARGET"), .leaveOut("ENDED"), .leaveOut("ID")] + service
                + [.leaveOut("VERDICT"), .leaveOut("TARGET")]
        var table = TextTable(heading, narrowings: narrowings, wrapsLast: filter.host != nil)
        for row in rows {
            let environment = hasEnvironments ? ["\(row.environment)"] : []
            switch row {
            case .verification(let entry): table.add(cells(entry, environment), short: Self.short(entry))
            case .status(let status): table.add(Self.cells(status, environment), short: Self.short(status))
            }
        }
        let what = statuses.isEmpty ? "verifications" : "verifications and statuses"
        return table.render(layout) + Self.remainder(more, what)
    }

    /// The line about rows beyond the limit; empty if there are none.
    static func remainder(_ more: Int, _ what: String) -> String {
        more > 0 ? "… and \(more) more \(what): give --limit, or --format csv for all\n" : ""
    }

    /// The text for an empty result.
    static func nothing(_ filter: HistoryFilter) -> String {
        let ending =
            switch filter.ending {
            case nil: "verification"
            case .failed?: "failed verification"
            case .verdict(let verdict)?: "verification with verdict \(verdict.rawValue)"
            }
        let service = filter.service.map { " of service '\(Sanitizer.singleLine($0, limit: 80))'" } ?? ""
        let environment = filter.environment.map { " in \($0)" } ?? ""
        let host = filter.host.map { " with host '\(Sanitizer.singleLine($0, limit: 80))'" } ?? ""
        let period =
            switch (
                filter.since.map { BuildText.second($0.rfc3339) }, filter.until.map { BuildText.second($0.rfc3339) }
            ) {
            case (let since?, let until?): " between \(since) and \(until)"
            case (let since?, nil): " since \(since)"
            case (nil, let until?): " before \(until)"
            case (nil, nil): ""
            }
        return "no \(ending)\(service)\(environment)\(host)\(period) is recorded\n"
    }

    private func cells(_ entry: HistoryEntry, _ environment: [String]) -> [String] {
        let verdict = entry.verdict?.rawValue ?? entry.state.rawValue
        let target = BuildText.cell(entry.gitSHA, entry.digest, entry.generation) + Self.links(entry)
        guard let host = entry.host else {
            let proven = "\(entry.proven.map(String.init) ?? "-")/\(entry.expected)"
            return [entry.id, BuildText.second(entry.startedAt), entry.service] + environment + [verdict, proven]
                + entry.secondsToConverge.cells + [target]
        }
        return [
            entry.id, BuildText.second(entry.startedAt), entry.finishedAt.map(BuildText.second) ?? "-", entry.service,
        ]
            + environment
            + [verdict, host.status.rawValue, BuildText.cell(host.gitSHA, host.digest) ?? "-", target, host.reason]
    }

    private static func cells(_ status: RecordedStatus, _ environment: [String]) -> [String] {
        let target = BuildText.cell(status.targetGitSHA, status.targetDigest, status.targetGeneration)
        return [
            status.sweeps == 1 ? "status" : "status, \(status.sweeps) times", BuildText.second(status.firstAt),
            BuildText.second(status.lastAt), status.service,
        ] + environment + [
            "-", status.sweep?.text ?? status.status.rawValue, BuildText.cell(status.gitSHA, status.digest) ?? "-",
            target, status.reason,
        ]
    }

    private static func short(_ entry: HistoryEntry) -> [String: String] {
        [
            "TARGET": shortBuild(entry.gitSHA, entry.digest, entry.generation) + links(entry),
            "SERVED": shortBuild(entry.host?.gitSHA, entry.host?.digest, nil),
        ]
    }

    private static func short(_ status: RecordedStatus) -> [String: String] {
        [
            "TARGET": shortBuild(status.targetGitSHA, status.targetDigest, status.targetGeneration),
            "SERVED": shortBuild(status.gitSHA, status.digest, nil),
        ]
    }

    /// The commit, or else the digest.
    private static func shortBuild(_ gitSHA: GitSHA?, _ digest: Digest?, _ generation: Int?) -> String {
        let build = BuildText.cell(gitSHA, gitSHA == nil ? digest : nil, generation)
        return build.isEmpty ? "-" : build
    }

    /// The promotions and rollbacks that belong to the verification's.
    private static func links(_ entry: HistoryEntry) -> String {
        func name(_ rollback: HistoryEntry.Rollback) -> String {
            let build = BuildText.cell(rollback.gitSHA, nil, rollback.generation)
            return rollback.verification.map { "\(build), \($0)" } ?? build
        }
        let parts = [
            entry.supersededBy.map { "superseded by \(BuildText.cell($0.gitSHA, $0.digest, $0.generation))" },
            entry.undid.map { "rolled back from \(name($0))" },
            entry.undoneBy.map { "rolled back to \(name($0))" },
        ]
        return parts.compactMap { $0.map { ", \($0)" } }.joined()
    }

    // MARK: - JSON

    /// `{"schema": 2, "verifications": […]}`, ending in a newline. With a host, `statuses` too.
    package func json() throws -> String {
        struct Listing: Encodable {
            let schema = 2
            let verifications: [HistoryEntry]
            let statuses: [RecordedStatus]?
            let leftOut: Int

            enum CodingKeys: String, CodingKey {
                case schema, verifications, statuses
                case leftOut = "left_out"
            }
        }
        return try JSONEncoder.prettyText(
            Listing(verifications: entries, statuses: filter.host == nil ? nil : statuses, leftOut: more))
    }

    // MARK: - Comma-separated values

    /// The same columns for every filter; cells that do not apply are empty.
    package func csv() -> String {
        var table = CommaSeparatedTable([
            "id", "service", "generation", "git_sha", "digest", "started_at", "finished_at", "state", "verdict",
            "exit_code", "proven", "expected", "p50_seconds", "p95_seconds", "max_seconds", "superseded_by_generation",
            "superseded_by_git_sha", "superseded_by_digest", "host", "host_status", "host_seconds", "host_reason",
            "kind",
            "environment", "host_git_sha", "host_digest", "host_sweeps", "undid_generation", "undid_verification",
            "undone_by_generation", "undone_by_verification", "host_sweep",
        ])
        for row in rows {
            switch row {
            case .verification(let entry): table.add(Self.values(entry))
            case .status(let status): table.add(Self.values(status))
            }
        }
        return table.render()
    }

    private static func values(_ entry: HistoryEntry) -> [CommaSeparatedTable.Cell] {
        let (successor, host) = (entry.supersededBy, entry.host)
        return [
            .foreign(entry.id), .foreign(entry.service), .number(entry.generation), .number(entry.gitSHA?.hex),
            .number(entry.digest), .plain(entry.startedAt), .number(entry.finishedAt), .plain(entry.state.rawValue),
            .number(entry.verdict?.rawValue), .number(entry.exitCode), .number(entry.proven), .number(entry.expected),
        ] + entry.secondsToConverge.values + [
            .number(successor?.generation), .number(successor?.gitSHA?.hex), .number(successor?.digest),
            .foreign(host?.name ?? ""), .number(host?.status.rawValue), .number(host?.secondsToConverge),
            .foreign(host?.reason ?? ""), .plain("verification"), .foreign("\(entry.environment)"),
            .number(host?.gitSHA?.hex), .number(host?.digest), .plain(""), .number(entry.undid?.generation),
            .foreign(entry.undid?.verification ?? ""), .number(entry.undoneBy?.generation),
            .foreign(entry.undoneBy?.verification ?? ""), .plain(""),
        ]
    }

    private static func values(_ status: RecordedStatus) -> [CommaSeparatedTable.Cell] {
        let empty = CommaSeparatedTable.Cell.plain("")
        return [
            empty, .foreign(status.service), .number(status.targetGeneration), .number(status.targetGitSHA?.hex),
            .number(status.targetDigest), .plain(status.firstAt), .plain(status.lastAt), empty, empty, empty, empty,
            empty,
            empty, empty, empty, empty, empty, empty, .foreign(status.host), .plain(status.status.rawValue), empty,
            .foreign(status.reason), .plain("status"), .foreign("\(status.environment)"), .number(status.gitSHA?.hex),
            .number(status.digest), .number(status.sweeps), empty, empty, empty, empty, .number(status.sweep?.rawValue),
        ]
    }
}

/// Builds and times as the tables of the history show them.
enum BuildText {
    /// `2d72a0c1e9f3 sha256:81d4a06bc1f2 (8)`: the parts that are known.
    static func cell(_ gitSHA: GitSHA?, _ digest: Digest?, _ generation: Int?) -> String {
        ([gitSHA?.short, digest?.short].compactMap { $0 } + (generation.map { ["(\($0))"] } ?? []))
            .joined(separator: " ")
    }

    /// nil if neither is known.
    static func cell(_ gitSHA: GitSHA?, _ digest: Digest?) -> String? {
        gitSHA == nil && digest == nil ? nil : cell(gitSHA, digest, nil)
    }

    /// The time without its fraction, with a space for the `T`: `2026-11-23 13:19:01Z`.
    static func second(_ time: String) -> String {
        guard time.utf8.count >= 20, time.hasSuffix("Z") else { return time }
        return time.prefix(19).replacing("T", with: " ") + "Z"
    }
}

extension Report.Summary.Percentiles? {
    /// Three cells of a text table.
    var cells: [String] {
        guard let self else { return ["-", "-", "-"] }
        return [self.p50, self.p95, self.max].map { Duration(clampingSeconds: $0).brief }
    }

    /// Three comma-separated values.
    var values: [CommaSeparatedTable.Cell] {
        [.number(self?.p50), .number(self?.p95), .number(self?.max)]
    }
}
