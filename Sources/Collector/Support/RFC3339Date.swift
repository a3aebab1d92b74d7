import FoundationEssentials
import Shared

extension Date {
    /// Parses an RFC 3339 date and time with its offset from UTC; nil for anything else: see ``RFC3339/init(_:)``.
    package init?(rfc3339 text: String) {
        guard let moment = RFC3339(text) else { return nil }
        self.init(timeIntervalSince1970: Double(moment.seconds) + Double(moment.nanoseconds) / 1e9)
    }

    /// The date in UTC to the millisecond, as ``init(rfc3339:)`` reads it.
    package var rfc3339: String {
        RFC3339.text(unixMilliseconds: Int64((timeIntervalSince1970 * 1_000).rounded()))
    }
}
