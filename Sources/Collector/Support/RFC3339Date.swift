import FoundationEssentials
import Shared

extension Date {
    /// Parses an RFC 3339 date and time with its offset from UTC; nil for anything else.
    ///
    /// Strict, because a misread end of a waiver would excuse a host: no bare date, no time without an offset, no 30th of
    /// February. A leap second counts as the second after it.
    package init?(rfc3339 text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.count <= 40 else { return nil }
        func number(_ start: Int, _ count: Int, _ range: ClosedRange<Int>) -> Int? {
            var value = 0
            for byte in bytes[start..<start + count] {
                guard byte.isASCIIDigit else { return nil }
                value = value * 10 + Int(byte - 48)
            }
            return range.contains(value) ? value : nil
        }
        func isAt(_ index: Int, _ characters: String) -> Bool { characters.utf8.contains(bytes[index]) }
        guard isAt(4, "-"), isAt(7, "-"), isAt(10, "Tt"), isAt(13, ":"), isAt(16, ":"),
            let year = number(0, 4, 0...9_999), let month = number(5, 2, 1...12),
            let day = number(8, 2, 1...Self.days(in: month, of: year)), let hour = number(11, 2, 0...23),
            let minute = number(14, 2, 0...59), let second = number(17, 2, 0...60)
        else { return nil }
        var index = 19
        var fraction = 0.0
        if isAt(index, ".") {
            let digits = bytes[(index + 1)...].prefix(while: \.isASCIIDigit)
            guard !digits.isEmpty else { return nil }
            fraction = digits.reversed().reduce(0) { ($0 + Double($1 - 48)) / 10 }
            index = digits.endIndex
        }
        var offset = 0
        if bytes[index...].count == 1, isAt(index, "Zz") {
            offset = 0
        } else {
            guard bytes[index...].count == 6, isAt(index, "+-"), isAt(index + 3, ":"),
                let hours = number(index + 1, 2, 0...23), let minutes = number(index + 4, 2, 0...59)
            else { return nil }
            offset = (hours * 60 + minutes) * (isAt(index, "-") ? -60 : 60)
        }
        let days = Self.daysSince1970(year: year, month: month, day: day)
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset
        self.init(timeIntervalSince1970: Double(seconds) + fraction)
    }

    /// The date in UTC to the millisecond, as ``init(rfc3339:)`` reads it.
    package var rfc3339: String {
        RFC3339.text(unixMilliseconds: Int64((timeIntervalSince1970 * 1_000).rounded()))
    }

    private static func days(in month: Int, of year: Int) -> Int {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
    }

    /// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
    private static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
