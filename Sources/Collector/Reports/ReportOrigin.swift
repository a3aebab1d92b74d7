import CollectorSupport
import FoundationEssentials
import Shared

/// The place of a run: its offset from UTC, and links to pages of the pipeline that started it.
package struct ReportOrigin: Codable, Hashable, Sendable {
    /// A link to the pipeline's run or job.
    package var run: String?
    /// A link to the target's commit.
    package var commit: String?
    /// A link to the comparison of the former build with the target.
    package var comparison: String?
    /// The collector's offset from UTC at the start, in seconds.
    package var offset: Int?

    package init(run: String? = nil, commit: String? = nil, comparison: String? = nil, offset: Int? = nil) {
        self.run = run
        self.commit = commit
        self.comparison = comparison
        self.offset = offset
    }

    private enum CodingKeys: String, CodingKey {
        case run = "run_url"
        case commit = "commit_url"
        case comparison = "comparison_url"
        case offset = "utc_offset_seconds"
    }

    /// The links that are safe to show, with their names.
    var links: [(name: String, url: String)] {
        [("run", run), ("commit", commit), ("changes", comparison)].compactMap { name, url in
            url.flatMap { Self.isSafe($0) ? (name, $0) : nil }
        }
    }

    /// True for an `http` or `https` link of the characters of RFC 3986 (section 2), without quotes and parentheses, which
    /// Markdown and HTML would interpret.
    static func isSafe(_ link: String) -> Bool {
        guard link.hasPrefix("https://") || link.hasPrefix("http://"), link.utf8.count <= 2_048 else { return false }
        return link.utf8.allSatisfy { byte in
            byte.isASCIIAlphanumeric || "-._~:/?#[]@!$&*+,;=%".utf8.contains(byte)
        }
    }

    /// A time in UTC and, where it differs, with the collector's offset: `2026-01-31 12:00:00 UTC (13:00:00 +01:00)`.
    static func moment(_ timestamp: String, offset: Int?) -> String {
        let utc = ReportText.moment(timestamp)
        guard let offset, offset != 0, abs(offset) <= 18 * 3_600, let date = Date(rfc3339: timestamp) else {
            return utc
        }
        let local = date.addingTimeInterval(Double(offset)).rfc3339
        let (hours, minutes) = (abs(offset) / 3_600, abs(offset) / 60 % 60)
        func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let zone = "\(offset < 0 ? "-" : "+")\(padded(hours)):\(padded(minutes))"
        // The day only if it is another one.
        let time = local.dropFirst(11).prefix(8)
        let day = local.prefix(10) == timestamp.prefix(10) ? "" : "\(local.prefix(10)) "
        return "\(utc) (\(day)\(time) \(zone))"
    }
}

extension Report {
    /// The time of the end, and the requester if one is known: `2026-01-31 12:00:00 UTC, by octocat (run 12)`.
    var circumstance: String {
        [endedAt, promotion.map { "by \($0.shownActor)" }].compactMap { $0 }.joined(separator: ", ")
    }

    /// The time of the end in UTC and, where it differs, in the collector's zone.
    var endedAt: String { ReportOrigin.moment(verification.finishedAt, offset: origin?.offset) }
}

extension PromotionRecord {
    var shownActor: String { Sanitizer.singleLine(actor, limit: 200) }
}
