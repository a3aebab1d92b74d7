package import CollectorSupport
package import FoundationEssentials
import Shared
import Verdict

/// What hosts served at a moment, as text, JSON or comma-separated values.
package struct MomentTable {
    private let moments: [HostMoment]
    private let filter: HistoryFilter
    private let at: Date

    /// - Parameter filter: names the host and the service that were asked for.
    package init(moments: [HostMoment], filter: HistoryFilter, at moment: Date) {
        self.moments = moments
        self.filter = filter
        at = moment
    }

    // MARK: - Text

    /// Sentences for one host, a table for several.
    package func text(_ layout: TextLayout = .file) -> String {
        guard !moments.isEmpty else {
            return HistoryTable.nothing(filter).replacing(" is recorded", with: " or status is recorded")
        }
        return filter.host == nil ? table(layout) : moments.map(sentences).joined()
    }

    private func sentences(_ moment: HostMoment) -> String {
        let service = DeployedService(moment.service, in: moment.environment)
        let build = BuildText.cell(moment.gitSHA, moment.digest)
        let statement =
            switch (moment.finding, build) {
            case (.proven, let build?): "served \(build), proven by verification \(moment.before?.verification ?? "-")"
            case (.unchanged, let build?): "served \(build), seen before and after"
            case (.lastKnown, let build?): "served \(build) when last seen; nothing was recorded after that"
            case (.lastKnown, nil): "unknown: it gave no answer when last asked, and nothing was recorded after that"
            case (.firstKnown, _): "unknown: nothing was recorded before that"
            case (.changed, _), (.proven, nil), (.unchanged, nil):
                "unknown: nothing was recorded between \(moment.before.map { BuildText.second($0.at) } ?? "-") and "
                    + "\(moment.after.map { BuildText.second($0.at) } ?? "-")"
            }
        let lines = [
            "\(Sanitizer.singleLine(moment.host, limit: 255)) (\(service)) at \(BuildText.second(moment.at)): \(statement)",
            moment.lastServed.map { "  last answer  \(line($0))" },
            moment.before.map { "  before       \(line($0))" },
            moment.after.map { "  after        \(line($0))" },
        ]
        return lines.compactMap { $0.map { "\($0)\n" } }.joined()
    }

    /// For example `2026-11-17 13:59:42Z, 18s earlier: served 2d72a0c1e9f3, on target, recorded status`.
    private func line(_ observation: HostObservation) -> String {
        let source =
            switch observation.kind {
            case .status: "recorded status"
            case .standingCheck: "standing check"
            case .verification: "verification \(observation.verification ?? "-")"
            }
        let found =
            BuildText.cell(observation.gitSHA, observation.digest).map {
                "served \($0), \(observation.statusText)"
            }
            ?? "no build known, \(observation.statusText) (\(Sanitizer.singleLine(observation.reason, limit: 200)))"
        return "\(BuildText.second(observation.at)), \(distance(observation)): \(found), \(source)"
    }

    /// `18s earlier`, `2h 5m later`.
    private func distance(_ observation: HostObservation) -> String {
        let seconds = Date(rfc3339: observation.at)?.timeIntervalSince(at) ?? 0
        return "\(Duration(clampingSeconds: abs(seconds)).brief) \(seconds <= 0 ? "earlier" : "later")"
    }

    private func table(_ layout: TextLayout) -> String {
        let hasServices = Set(moments.map(\.service)).count > 1
        let hasEnvironments = Set(moments.map(\.environment)).count > 1
        var table = TextTable(
            ["HOST"] + (hasServices ? ["SERVICE"] : []) + (hasEnvironments ? ["ENVIRONMENT"] : [])
                + ["SERVED", "BEFORE", "AFTER"],
            narrowings: [.shorten("SERVED"), .shorten("BEFORE"), .shorten("AFTER")], wrapsLast: false)
        for moment in moments {
            table.add(
                [moment.host] + (hasServices ? [moment.service] : [])
                    + (hasEnvironments ? ["\(moment.environment)"] : [])
                    + [
                        BuildText.cell(moment.gitSHA, moment.digest) ?? "unknown", cell(moment.before),
                        cell(moment.after),
                    ],
                short: [
                    "SERVED": moment.gitSHA?.short ?? moment.digest?.short ?? "unknown",
                    "BEFORE": cell(moment.before, isShort: true), "AFTER": cell(moment.after, isShort: true),
                ])
        }
        let known = Dictionary(grouping: moments, by: { BuildText.cell($0.gitSHA, $0.digest) })
            .sorted { ($1.value.count, $0.key ?? "") < ($0.value.count, $1.key ?? "") }
            .map { "\($0.key ?? "unknown") on \($0.value.count.hostCount)" }
        return "at \(BuildText.second(at.rfc3339)): \(known.joined(separator: ", "))\n" + table.render(layout)
    }

    /// For example `2d72a0c1e9f3 18s earlier, on target`.
    private func cell(_ observation: HostObservation?, isShort: Bool = false) -> String {
        guard let observation else { return "nothing recorded" }
        let build = observation.gitSHA?.short ?? observation.digest?.short ?? "no build known"
        let seen = "\(build) \(distance(observation))"
        return isShort ? seen : "\(seen), \(observation.statusText)"
    }

    // MARK: - JSON

    /// `{"schema": 2, "at": …, "hosts": […]}`, ending in a newline.
    package func json() throws -> String {
        struct Listing: Encodable {
            let schema = 2
            let at: String
            let hosts: [HostMoment]
        }
        return try JSONEncoder.prettyText(Listing(at: at.rfc3339, hosts: moments))
    }

    // MARK: - Comma-separated values

    package func csv() -> String {
        let columns = ["at", "kind", "verification", "status", "git_sha", "digest", "reason"]
        var table = CommaSeparatedTable(
            ["host", "service", "environment", "at", "finding", "git_sha", "digest"] + columns.map { "before_\($0)" }
                + columns.map { "after_\($0)" } + ["before_sweep", "after_sweep"])
        for moment in moments {
            table.add(
                [
                    .foreign(moment.host), .foreign(moment.service), .foreign("\(moment.environment)"),
                    .plain(moment.at), .plain(moment.finding.rawValue), .number(moment.gitSHA?.hex),
                    .number(moment.digest),
                ] + Self.values(moment.before) + Self.values(moment.after)
                    + [moment.before, moment.after].map { .number($0?.sweep?.rawValue) })
        }
        return table.render()
    }

    private static func values(_ observation: HostObservation?) -> [CommaSeparatedTable.Cell] {
        [
            .number(observation?.at), .number(observation?.kind.rawValue), .foreign(observation?.verification ?? ""),
            .number(observation?.status.rawValue), .number(observation?.gitSHA?.hex), .number(observation?.digest),
            .foreign(observation?.reason ?? ""),
        ]
    }
}
