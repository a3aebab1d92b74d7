import FoundationEssentials
import Shared

/// The `Retry-After` header (RFC 9110, section 10.2.3): seconds, or a date.
enum RetryAfter {
    /// nil for none, and for what is neither. Never negative; a year at most.
    static func duration(_ value: String?, now: Date) -> Duration? {
        guard let value else { return nil }
        let text = value.filter { $0 != " " || value.contains(",") }
        if !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) {
            return .seconds(min(Int64(text) ?? .max, 366 * 86_400))
        }
        guard let date = date(value) else { return nil }
        return Duration(clampingSeconds: min(max(0, date - now.timeIntervalSince1970), 366 * 86_400))
    }

    /// Seconds since 1970 of an IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT`; the obsolete forms are left alone.
    private static func date(_ text: String) -> Double? {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", let month = months.firstIndex(of: String(parts[2])) else {
            return nil
        }
        let number = month < 9 ? "0\(month + 1)" : "\(month + 1)"
        return RFC3339.unixMilliseconds("\(parts[3])-\(number)-\(parts[1])T\(parts[4])Z").map { Double($0) / 1_000 }
    }
}
