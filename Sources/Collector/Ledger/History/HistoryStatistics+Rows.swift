import CollectorSupport
import FoundationEssentials
import Reports
import Shared
import Verdict

extension HistoryStatistics {
    /// The outcomes of hosts in verifications.
    struct HostCounts: Codable, Hashable, Sendable {
        var converged: Int
        /// Of the converged ones, those that served the target from the start, and so have no time to converge.
        var servedFromStart: Int
        var late: Int
        var failed: Int
        var statuses: [String: Int]

        enum CodingKeys: String, CodingKey {
            case converged, late, failed, statuses
            case servedFromStart = "served_from_start"
        }
    }

    struct Service: Codable, Hashable, Sendable {
        var service: String
        var environment: EnvironmentName
        /// Verifications that ended in the period.
        var verifications: Int
        /// Verifications that did not end with exit code 0.
        var failed: Int
        /// Verifications after which hosts went back, or whose promotion was rolled back.
        var rolledBack: Int
        /// The number of verifications with each verdict.
        var verdicts: [String: Int]
        /// Percentiles over every host that converged during one of the verifications.
        @ExplicitNull var secondsToConverge: Report.Summary.Percentiles?
        /// The outcomes of all hosts in all of the verifications.
        var hosts: HostCounts

        enum CodingKeys: String, CodingKey {
            case service, environment, verifications, failed, verdicts, hosts
            case rolledBack = "rolled_back"
            case secondsToConverge = "seconds_to_converge"
        }
    }

    struct Host: Codable, Hashable, Sendable {
        var host: String
        /// Verifications that count for or against the host; see ``VerificationSummary/gaveItsHostsTime``.
        var verifications: Int
        var converged: Int
        var servedFromStart: Int
        var late: Int
        var failed: Int
        /// The number of verifications that ended with each status.
        var statuses: [String: Int]
        @ExplicitNull var secondsToConverge: Report.Summary.Percentiles?

        enum CodingKeys: String, CodingKey {
            case host, verifications, converged, late, failed, statuses
            case servedFromStart = "served_from_start"
            case secondsToConverge = "seconds_to_converge"
        }
    }

    /// The hosts with one value of a label.
    struct Label: Codable, Hashable, Sendable {
        /// nil for hosts without the label.
        @ExplicitNull var value: String?
        var hosts: Int
        /// Verifications that count for or against one of the hosts.
        var verifications: Int
        var outcomes: HostCounts
        @ExplicitNull var secondsToConverge: Report.Summary.Percentiles?

        enum CodingKeys: String, CodingKey {
            case value, hosts, verifications, outcomes
            case secondsToConverge = "seconds_to_converge"
        }
    }

    /// The verifications that started on one day or in one week.
    struct Period: Codable, Hashable, Sendable {
        /// `2026-11-23`, or `2026-W48`.
        var period: String
        /// Its first moment, RFC 3339.
        var startedAt: String
        var verifications: Int
        /// Verifications that ended with exit code 0.
        var converged: Int
        var failed: Int
        var rolledBack: Int
        var verdicts: [String: Int]
        @ExplicitNull var secondsToConverge: Report.Summary.Percentiles?
        var hosts: HostCounts

        /// The share of verifications that ended with exit code 0, from 0 to 1; nil without any.
        var share: Double? { verifications > 0 ? Double(converged) / Double(verifications) : nil }

        enum CodingKeys: String, CodingKey {
            case period, verifications, converged, failed, verdicts, hosts
            case startedAt = "started_at"
            case rolledBack = "rolled_back"
            case secondsToConverge = "seconds_to_converge"
        }
    }
}

/// A day, or a week from Monday, in UTC.
struct HistoryPeriod: Hashable, Comparable, Sendable {
    enum Length: Int, Sendable { case day = 1, week = 7 }

    private let length: Length
    /// Days from 1970-01-01 to the first day.
    private let day: Int

    private init(_ length: Length, day: Int) {
        self.length = length
        self.day = day
    }

    init(_ length: Length, of moment: Date) {
        let day = Int((moment.timeIntervalSince1970 / 86_400).rounded(.down))
        // 1970-01-01 was a Thursday.
        let weekday = ((day + 3) % 7 + 7) % 7
        self.init(length, day: length == .day ? day : day - weekday)
    }

    static func < (one: Self, other: Self) -> Bool { one.day < other.day }

    var previous: HistoryPeriod { HistoryPeriod(length, day: day - length.rawValue) }
    var start: Date { Self.date(day) }

    /// ISO 8601: `2026-11-23`, or `2026-W48`. A week belongs to the year of its Thursday.
    var name: String {
        guard length == .week else { return String(start.rfc3339.prefix(10)) }
        let year = Self.date(day + 3).rfc3339.prefix(4)
        guard let new = Date(rfc3339: "\(year)-01-01T00:00:00Z") else { return String(start.rfc3339.prefix(10)) }
        let first = Int((new.timeIntervalSince1970 / 86_400).rounded())
        let week = (day + 3 - first) / 7 + 1
        return "\(year)-W\(week < 10 ? "0" : "")\(week)"
    }

    private static func date(_ day: Int) -> Date { Date(timeIntervalSince1970: Double(day) * 86_400) }
}
