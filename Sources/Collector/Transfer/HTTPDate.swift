import Shared

/// A date in HTTP's preferred format, such as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
package enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// Seconds since 1970; nil for any other text.
    package static func seconds(_ text: String) -> Int64? {
        let parts = text.split(separator: " " as Character)
        guard parts.count == 6, parts[5] == "GMT", parts[1].count == 2, parts[3].count == 4,
            let month = months.firstIndex(of: String(parts[2]))
        else { return nil }
        let number = month + 1 < 10 ? "0\(month + 1)" : "\(month + 1)"
        return RFC3339.unixMilliseconds("\(parts[3])-\(number)-\(parts[1])T\(parts[4])Z").map { $0 / 1_000 }
    }
}

/// `Retry-After` (RFC 9110, section 10.2.3): a number of seconds, or a date.
package enum RetryAfter {
    /// The time to wait; nil if the header is missing or not valid.
    ///
    /// - Parameter now: seconds since 1970.
    package static func duration(_ text: String?, now: Double) -> Duration? {
        guard let text, text.utf8.count <= 64 else { return nil }
        if let first = text.utf8.first, (0x30...0x39).contains(first) {
            guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            return .seconds(min(Int64(text) ?? .max, 1 << 32))
        }
        return HTTPDate.seconds(text).map { .seconds(max(0, min(Double($0) - now, Double(1 << 32)))) }
    }
}
