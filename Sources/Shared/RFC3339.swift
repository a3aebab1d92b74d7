/// Wall-clock time as the contract writes it: RFC 3339 in UTC, to the millisecond.
///
/// Our own, because it is twenty lines and has neither locale nor time zone to go wrong.
public enum RFC3339 {
    /// For example `2026-11-23T13:19:01.250Z`.
    ///
    /// - Parameter milliseconds: since 1970-01-01T00:00:00Z, without leap seconds; years 0 to 9999, clamped.
    public static func text(unixMilliseconds milliseconds: Int64) -> String {
        let clamped = min(max(milliseconds, -62_167_219_200_000), 253_402_300_799_999)
        let days = clamped.flooredQuotient(by: 86_400_000)
        let rest = Int(clamped - days * 86_400_000)
        let (year, month, day) = civil(days: days)
        return
            "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T\(padded(rest / 3_600_000, 2)):"
            + "\(padded(rest / 60_000 % 60, 2)):\(padded(rest / 1_000 % 60, 2)).\(padded(rest % 1_000, 3))Z"
    }

    /// Whether a text has RFC 3339's shape: what an engine wrote is passed on only if it has.
    public static func isTimestamp(_ text: some StringProtocol) -> Bool {
        let bytes = Array(text.utf8)
        guard (20...40).contains(bytes.count) else { return false }
        let template = Array("0000-00-00T00:00:00".utf8)
        for (byte, expected) in zip(bytes, template) {
            guard expected == UInt8(ascii: "0") ? isDigit(byte) : byte == expected else { return false }
        }
        var rest = bytes.dropFirst(template.count)
        if rest.first == UInt8(ascii: ".") {
            let fraction = rest.dropFirst().prefix(while: isDigit)
            guard !fraction.isEmpty else { return false }
            rest = rest[fraction.endIndex...]
        }
        if rest.elementsEqual("Z".utf8) { return true }
        guard rest.count == 6, let sign = rest.first, "+-".utf8.contains(sign) else { return false }
        return zip(rest.dropFirst(), "00:00".utf8).allSatisfy { byte, expected in
            expected == UInt8(ascii: "0") ? isDigit(byte) : byte == expected
        }
    }

    /// Milliseconds since 1970-01-01T00:00:00Z, cut off behind the last whole one; nil for what is no timestamp.
    public static func unixMilliseconds(_ text: some StringProtocol) -> Int64? {
        guard isTimestamp(text) else { return nil }
        let bytes = Array(text.utf8)
        func number(_ start: Int, _ count: Int) -> Int64 {
            bytes[start..<start + count].reduce(0) { $0 * 10 + Int64($1 - 48) }
        }
        let (year, month, day) = (number(0, 4), number(5, 2), number(8, 2))
        guard (1...12).contains(month), (1...31).contains(day) else { return nil }
        let seconds = number(11, 2) * 3_600 + number(14, 2) * 60 + number(17, 2)
        let rest = bytes[19...]
        let fraction = rest.first == UInt8(ascii: ".") ? rest.dropFirst().prefix(while: isDigit) : []
        let places = fraction.prefix(3).map { Int64($0 - 48) } + [0, 0, 0]
        var milliseconds = (days(year, month, day) * 86_400 + seconds) * 1_000
        milliseconds += places[0] * 100 + places[1] * 10 + places[2]
        if bytes.last != UInt8(ascii: "Z") {
            let zone = bytes.count - 6
            let minutes = number(zone + 1, 2) * 60 + number(zone + 4, 2)
            milliseconds -= (bytes[zone] == UInt8(ascii: "-") ? -minutes : minutes) * 60_000
        }
        return milliseconds
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

    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
    private static func civil(days: Int64) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = shifted.flooredQuotient(by: 146_097)
        let dayOfEra = Int(shifted - era * 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + Int(era) * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }
}

extension Int64 {
    fileprivate func flooredQuotient(by divisor: Int64) -> Int64 {
        self >= 0 ? self / divisor : (self - divisor + 1) / divisor
    }
}
