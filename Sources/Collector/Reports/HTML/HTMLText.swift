import Shared

/// How numbers, times and long names read on the page.
enum HTMLText {
    /// With commas between thousands: `50,000`.
    static func count(_ number: Int) -> String {
        let digits = String(number.magnitude)
        var result = number < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { result.append(",") }
            result.append(digit)
        }
        return result
    }

    /// `1 host`, `2,000 hosts`.
    static func hosts(_ number: Int) -> String { "\(count(number)) \(number == 1 ? "host" : "hosts")" }

    /// `850ms`, `3m 5s`.
    static func duration(_ seconds: Double) -> String { Duration(clampingSeconds: seconds).brief }

    /// Where a time is read off an axis: `90` is `1m 30s`, and `120` is `2m`.
    static func tick(_ seconds: Double) -> String {
        guard seconds > 0 else { return "0" }
        let brief = duration(seconds)
        for (long, short) in [(".0s", "s"), ("m 0s", "m"), ("h 0m", "h"), ("d 0h", "d")] where brief.hasSuffix(long) {
            return brief.dropLast(long.count) + short
        }
        return brief
    }

    /// `2026-01-31 12:00:00 UTC` for RFC 3339 in UTC, and as it is for anything else.
    static func moment(_ timestamp: String) -> String {
        guard RFC3339.isTimestamp(timestamp), timestamp.hasSuffix("Z") else { return timestamp }
        return "\(timestamp.prefix(10)) \(timestamp.dropFirst(11).prefix(8)) UTC"
    }

    /// A number with two decimals, from its hundredfold.
    static func decimal(hundredths: Int) -> String {
        let rest = hundredths % 100
        return rest == 0 ? "\(hundredths / 100)" : "\(hundredths / 100).\(rest / 10)\(rest % 10)"
    }
}
