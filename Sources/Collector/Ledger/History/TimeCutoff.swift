import CollectorSupport
package import FoundationEssentials
import Shared

/// A time in the past, as `--since` takes it.
///
/// One of three forms that cannot be confused: a period before now (`30d`, `12h`, `2w`, `1d12h`); a date, which means its
/// midnight in UTC (`2026-10-01`); or an RFC 3339 time with its offset (`2026-10-01T08:00:00+02:00`).
package enum TimeCutoff: Hashable, Sendable {
    case back(Duration)
    case at(Date)

    package init(parsing text: String) throws(ParseError) {
        if let date = Date(rfc3339: text) ?? Date(rfc3339: "\(text)T00:00:00Z") {
            self = .at(date)
        } else {
            self = .back(try Self.duration(text))
        }
    }

    /// A duration as in ``Duration/init(parsing:)``, or with weeks first.
    package static func duration(_ text: String) throws(ParseError) -> Duration {
        do throws(Duration.ParseError) {
            let weeks = text.prefix { $0.isASCII && $0.isNumber }
            guard text.dropFirst(weeks.count).first == "w", let count = Int(weeks), count <= 1_000 else {
                return try Duration(parsing: text)
            }
            let rest = text.dropFirst(weeks.count + 1)
            return .seconds(count * 7 * 86_400) + (rest.isEmpty ? .zero : try Duration(parsing: rest))
        } catch {
            throw ParseError(text: text)
        }
    }

    /// - Returns: nil for a time in the future.
    package func date(now: Date) -> Date? {
        switch self {
        case .back(let duration): now.addingTimeInterval(-duration.seconds)
        case .at(let date): date <= now ? date : nil
        }
    }

    package struct ParseError: Error, Hashable, CustomStringConvertible {
        fileprivate let text: String

        package var description: String {
            "invalid time '\(Sanitizer.singleLine(text, limit: 80))': expected a period before now (30d, 12h, 2w), a date "
                + "(2026-10-01), or a time with its offset (2026-10-01T08:00:00Z)"
        }
    }
}
