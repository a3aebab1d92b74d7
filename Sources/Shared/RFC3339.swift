/// A moment in RFC 3339, such as `2026-11-23T13:19:01.250Z` or `2026-11-23T14:19:01+01:00`, to the nanosecond.
///
/// The only parser of dates in both programs. FoundationEssentials' `Date.ISO8601FormatStyle` does not fit: it reads
/// 31 February, hour 99, one-digit months and text behind the `Z`, refuses `t` and `z`, and keeps fractions in a `Double`, while
/// engines write nine digits.
public struct RFC3339: Hashable, Comparable, Sendable {
    /// Whole seconds since 1970-01-01T00:00:00Z, without leap seconds; the floor of moments before.
    public let seconds: Int64
    /// 0 to 999,999,999.
    public let nanoseconds: Int64

    /// Parses a date and a time with an offset from UTC; nil for anything else, such as 31 February, hour 24 or a time
    /// without an offset.
    ///
    /// `t` and `z` are accepted (RFC 3339, section 5.6). A leap second counts as the second after it. Digits after the
    /// ninth of a fraction are ignored.
    public init?(_ text: some StringProtocol) {
        guard (20...40).contains(text.utf8.count) else { return nil }
        let bytes = Array(text.utf8)
        func number(_ start: Int, _ count: Int, _ range: ClosedRange<Int64>) -> Int64? {
            guard let value = Self.digits(bytes[start..<start + count]), range.contains(value) else { return nil }
            return value
        }
        func isAt(_ index: Int, _ characters: String) -> Bool { characters.utf8.contains(bytes[index]) }
        guard isAt(4, "-"), isAt(7, "-"), isAt(10, "Tt"), isAt(13, ":"), isAt(16, ":"),
            let year = number(0, 4, 0...9_999), let month = number(5, 2, 1...12),
            let day = number(8, 2, 1...Self.length(of: month, in: year)), let hour = number(11, 2, 0...23),
            let minute = number(14, 2, 0...59), let second = number(17, 2, 0...60)
        else { return nil }
        var zone = 19
        var fraction: Int64 = 0
        if isAt(zone, ".") {
            let places = bytes[(zone + 1)...].prefix(while: \.isASCIIDigit)
            guard let value = Self.digits(places.prefix(9)) else { return nil }
            fraction = (min(places.count, 9)..<9).reduce(value) { value, _ in value * 10 }
            zone = places.endIndex
        }
        var offset: Int64 = 0
        switch bytes.count - zone {
        case 1 where isAt(zone, "Zz"): break
        case 6 where isAt(zone, "+-") && isAt(zone + 3, ":"):
            guard let hours = number(zone + 1, 2, 0...23), let minutes = number(zone + 4, 2, 0...59) else { return nil }
            offset = (hours * 60 + minutes) * (isAt(zone, "-") ? -60 : 60)
        default: return nil
        }
        let days = Self.days(year, month, day)
        seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset
        nanoseconds = fraction
    }

    public static func < (one: Self, other: Self) -> Bool {
        (one.seconds, one.nanoseconds) < (other.seconds, other.nanoseconds)
    }

    /// True if ``init(_:)`` parses the text: what an engine wrote is passed on only then.
    public static func isTimestamp(_ text: some StringProtocol) -> Bool { RFC3339(text) != nil }

    /// Milliseconds since 1970-01-01T00:00:00Z, rounded down; nil for anything that ``init(_:)`` does not parse.
    public static func unixMilliseconds(_ text: some StringProtocol) -> Int64? {
        RFC3339(text).map { $0.seconds * 1_000 + $0.nanoseconds / 1_000_000 }
    }

    /// The moment in UTC, to the millisecond, for example `2026-11-23T13:19:01.250Z`.
    ///
    /// - Parameter milliseconds: since 1970-01-01T00:00:00Z, without leap seconds; years 0 to 9999, clamped.
    public static func text(unixMilliseconds milliseconds: Int64) -> String {
        let clamped = min(max(milliseconds, -62_167_219_200_000), 253_402_300_799_999)
        let days = clamped.flooredQuotient(by: 86_400_000)
        let rest = clamped - days * 86_400_000
        let (year, month, day) = civil(days: days)
        return
            "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T\(padded(rest / 3_600_000, 2)):"
            + "\(padded(rest / 60_000 % 60, 2)):\(padded(rest / 1_000 % 60, 2)).\(padded(rest % 1_000, 3))Z"
    }


    /// The number that the digits write; nil for none, and for anything else.
    private static func digits(_ bytes: ArraySlice<UInt8>) -> Int64? {
        guard !bytes.isEmpty, bytes.allSatisfy(\.isASCIIDigit) else { return nil }
        return bytes.reduce(0) { $0 * 10 + Int64($1 - 48) }
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    private static func length(of month: Int64, in year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted.flooredQuotient(by: 400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
    private static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = shifted.flooredQuotient(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }
}

extension Int64 {
    fileprivate func flooredQuotient(by divisor: Int64) -> Int64 {
        self >= 0 ? self / divisor : (self - divisor + 1) / divisor
    }
}
