import CollectorSupport
package import FoundationEssentials
import Shared

/// A time in the past, as `--since`, `--until` and `--at` take it.
///
/// `now`, or one of these forms: a period before now (`30d`, `12h`, `2w`, `1d12h`); a day, which means its midnight in UTC
/// (`2026-10-01`, `yesterday`, `tuesday`); or a day and a time with its offset from UTC (`2026-10-01T08:00:00+02:00`,
/// `2026-10-01 08:00Z`, `tuesday 14:00+01:00`). A time without an offset is refused: it would mean another moment on each
/// machine, and two moments in the hour that summer time ends with.
package enum TimeCutoff: Hashable, Sendable {
    case back(Duration)
    case at(Date)
    /// The last such moment that is not after now.
    case onDay(Weekday, ClockTime)

    /// A day that depends on when it is read.
    package enum Weekday: Hashable, Sendable {
        /// 0 for today, 1 for yesterday.
        case ago(Int)
        /// 0 for Monday to 6 for Sunday.
        case named(Int)
    }

    /// A time of day with its offset from UTC, in seconds.
    package struct ClockTime: Hashable, Sendable {
        fileprivate var seconds = 0.0
        fileprivate var offset = 0.0
    }

    package init(parsing text: String) throws(ParseError) {
        let (day, time) = Self.split(text)
        if text.lowercased() == "now" {
            self = .back(.zero)
        } else if let time {
            guard let moment = Self.moment(day, time) else { throw ParseError() }
            self = moment
        } else if let weekday = Weekday(day) {
            self = .onDay(weekday, ClockTime())
        } else if let date = Date(rfc3339: "\(day)T00:00:00Z") {
            self = .at(date)
        } else {
            self = .back(try Self.duration(text))
        }
    }

    /// The day, and the time after a blank or a `T`; a nil time if there is only one word.
    private static func split(_ text: String) -> (day: String, time: String?) {
        // Days have names with a T, so that only a date can be followed by one.
        let end =
            text.firstIndex(of: " ")
            ?? (text.utf8.count > 10 && text.utf8.first.map(\.isASCIIDigit) == true
                ? text.index(text.startIndex, offsetBy: 10, limitedBy: text.endIndex) : nil)
        guard let end, end < text.endIndex, text[end] == " " || text[end] == "T" || text[end] == "t" else {
            return (text, nil)
        }
        return (String(text[..<end]), String(text[text.index(after: end)...]))
    }

    private static func moment(_ day: String, _ time: String) -> TimeCutoff? {
        let clock = time.prefix { $0.isASCII && ($0.isNumber || $0 == ":" || $0 == ".") }
        let zone = time.dropFirst(clock.count).drop { $0 == " " }
        let full = clock.utf8.count == 5 ? "\(clock):00" : String(clock)
        guard let weekday = Weekday(day) else { return Date(rfc3339: "\(day)T\(full)\(zone)").map(TimeCutoff.at) }
        // A date far from the calendar's ends tells the time of day and its offset apart.
        guard let moment = Date(rfc3339: "2000-01-01T\(full)\(zone)"),
            let local = Date(rfc3339: "2000-01-01T\(full)Z"), let midnight = Date(rfc3339: "2000-01-01T00:00:00Z")
        else { return nil }
        return .onDay(
            weekday,
            ClockTime(
                seconds: local.timeIntervalSince(midnight), offset: local.timeIntervalSince(moment)))
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
            throw ParseError()
        }
    }

    /// The moment; it may lie in the future.
    package func moment(now: Date) -> Date {
        switch self {
        case .back(let duration): now.addingTimeInterval(-duration.seconds)
        case .at(let date): date
        case .onDay(let weekday, let time): weekday.moment(time, now: now)
        }
    }

    /// - Returns: nil for a time in the future.
    package func date(now: Date) -> Date? {
        let moment = moment(now: now)
        return moment <= now ? moment : nil
    }

    package struct ParseError: Error, Hashable, CustomStringConvertible {
        package var description: String {
            "expected now, a period before now (30d, 12h, 2w), a day "
                + "in UTC (2026-10-01, yesterday, tuesday), or a day and a time with its offset (2026-10-01T08:00Z, "
                + "'tuesday 14:00+01:00')"
        }
    }
}

extension TimeCutoff.Weekday {
    private static let names = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

    /// `today`, `yesterday`, or the English name of a weekday, also by its first three letters.
    init?(_ text: String) {
        let word = text.lowercased()
        switch word {
        case "today": self = .ago(0)
        case "yesterday": self = .ago(1)
        default:
            guard let number = Self.names.firstIndex(where: { $0 == word || $0.prefix(3) == word }) else { return nil }
            self = .named(number)
        }
    }

    fileprivate func moment(_ time: TimeCutoff.ClockTime, now: Date) -> Date {
        // Days begin at midnight of the offset.
        let today = ((now.timeIntervalSince1970 + time.offset) / 86_400).rounded(.down)
        func moment(daysAgo days: Double) -> Date {
            Date(timeIntervalSince1970: (today - days) * 86_400 + time.seconds - time.offset)
        }
        switch self {
        case .ago(let days): return moment(daysAgo: Double(days))
        case .named(let number):
            // 1970-01-01 was a Thursday.
            let passed = (Int(today) + 3 - number) % 7
            let last = moment(daysAgo: Double(passed))
            return last <= now ? last : moment(daysAgo: Double(passed + 7))
        }
    }
}
