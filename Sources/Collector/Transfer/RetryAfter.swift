import Shared

/// `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date in HTTP's usual form.
package enum RetryAfter {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// How long to wait; nil where the header says nothing that can be read.
    ///
    /// - Parameter now: seconds since 1970.
    package static func duration(_ text: String?, now: Double) -> Duration? {
        guard let text, text.utf8.count <= 64 else { return nil }
        if let first = text.utf8.first, (0x30...0x39).contains(first) {
            guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            return .seconds(min(Int64(text) ?? .max, 1 << 32))
        }
        return date(text).map { .seconds(max(0, min(Double($0) - now, Double(1 << 32)))) }
    }

    /// Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT`.
    private static func date(_ text: String) -> Int64? {
        let parts = text.split(separator: " " as Character)
        guard parts.count == 6, parts[5] == "GMT", let month = months.firstIndex(of: String(parts[2])) else {
            return nil
        }
        let number = month < 9 ? "0\(month + 1)" : "\(month + 1)"
        return RFC3339.unixMilliseconds("\(parts[3])-\(number)-\(parts[1])T\(parts[4])Z").map { $0 / 1_000 }
    }
}
