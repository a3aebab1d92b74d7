import CollectorSupport
package import FoundationEssentials
import Shared

/// A moment in the past, as `--since` takes it.
///
/// One of three, which cannot be taken for each other: a time back from now (`30d`, `12h`, `2w`, `1d12h`); a date, which is
/// its midnight in UTC (`2026-10-01`); or a date and time with its offset, as RFC 3339 has it (`2026-10-01T08:00:00+02:00`).
package enum TimeCutoff: Hashable, Sendable {
    case back(Duration)
    case at(Date)

    /// - Throws: ``Defect``, in one sentence.
    package init(parsing text: String) throws(Defect) {
        if let date = Date(rfc3339: text) ?? Date(rfc3339: "\(text)T00:00:00Z") {
            self = .at(date)
        } else {
            self = .back(try Self.duration(text))
        }
    }

    /// A time as long as histories are: ``Duration/init(parsing:)`` with weeks.
    package static func duration(_ text: String) throws(Defect) -> Duration {
        do throws(Duration.ParseError) {
            let weeks = text.prefix { $0.isASCII && $0.isNumber }
            guard text.dropFirst(weeks.count).first == "w", let count = Int(weeks), count <= 1_000 else {
                return try Duration(parsing: text)
            }
            let rest = text.dropFirst(weeks.count + 1)
            return .seconds(count * 7 * 86_400) + (rest.isEmpty ? .zero : try Duration(parsing: rest))
        } catch {
            throw Defect(text: text)
        }
    }

    /// - Returns: nil for a moment that is yet to come.
    package func date(now: Date) -> Date? {
        switch self {
        case .back(let duration): now.addingTimeInterval(-duration.seconds)
        case .at(let date): date <= now ? date : nil
        }
    }

    /// A text that is no such moment.
    package struct Defect: Error, Hashable, CustomStringConvertible {
        package let text: String

        package init(text: String) {
            self.text = text
        }

        package var description: String {
            "'\(Sanitizer.singleLine(text, limit: 80))' is neither a time back (30d, 12h, 2w), nor a date (2026-10-01), nor a date "
                + "and time with its offset (2026-10-01T08:00:00Z)"
        }
    }
}
