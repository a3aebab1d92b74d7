import FoundationEssentials
import Shared

/// Past verifications as a table, and as JSON.
struct HistoryTable {
    let entries: [HistoryEntry]
    /// The host that was asked for, if any.
    var host: String?

    func render() -> String {
        guard !entries.isEmpty else {
            let subject = host.map { " of a host '\(Hygiene.line($0, limit: 80))'" } ?? ""
            return "no verification\(subject) is recorded\n"
        }
        var heading = ["ID", "STARTED", "SERVICE", "VERDICT", "PROVEN", "P50", "P95", "MAX", "TARGET"]
        if host != nil { heading += ["LABEL", "WHAT TO KNOW"] }
        let rows = [heading] + entries.map(row)
        let widths = heading.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { Self.line($0, widths) + "\n" }.joined()
    }

    private func row(_ entry: HistoryEntry) -> [String] {
        let times = entry.secondsToConverge.map { [$0.p50, $0.p95, $0.max] }
        let target = [entry.gitSHA?.short, entry.digest?.short].compactMap { $0 }.joined(separator: " ")
        let generation = entry.generation.map { " (\($0))" } ?? ""
        let cells = [
            entry.id, Self.minute(entry.startedAt), entry.service, entry.verdict?.rawValue ?? entry.state.rawValue,
            "\(entry.proven.map(String.init) ?? "-")/\(entry.expected)",
        ]
        let durations = times?.map { Duration(clampingSeconds: $0).brief } ?? ["-", "-", "-"]
        let found = entry.host.map { [$0.label.rawValue, $0.reason] } ?? []
        return (cells + durations + [target + generation] + found).map { Hygiene.line($0) }
    }

    private static func line(_ cells: [String], _ widths: [Int]) -> String {
        let padded = zip(cells, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
        return padded.joined(separator: "  ").trimmingBlanks()
    }

    /// `2026-11-23T13:19:01.250Z` without what nobody reads in a table.
    private static func minute(_ time: String) -> String {
        guard time.utf8.count >= 20, time.hasSuffix("Z") else { return time }
        return time.prefix(19).replacing("T", with: " ") + "Z"
    }

    /// `{"schema": 1, "verifications": […]}`, ending in a newline.
    static func json(_ entries: [HistoryEntry]) throws -> String {
        struct Listing: Encodable {
            let schema = 1
            let verifications: [HistoryEntry]
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(Listing(verifications: entries)), as: UTF8.self) + "\n"
    }
}
