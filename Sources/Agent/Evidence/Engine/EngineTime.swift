import Shared

/// A moment on an engine's clock, compared with others of that clock alone.
struct EngineTime: Hashable, Sendable, Comparable {
    /// Since 1970-01-01T00:00:00Z; negative before.
    private var seconds: Int64
    /// 0 to 999,999,999.
    private var nanoseconds: Int64

    init(unixSeconds: Int64) { (seconds, nanoseconds) = (unixSeconds, 0) }

    /// Parses RFC 3339, with any offset and fraction; nil for anything else, and for the zero time of Go (year 1), which
    /// engines write for "never".
    init?(_ text: String) {
        guard !text.hasPrefix("0001-"), let moment = RFC3339(text) else { return nil }
        (seconds, nanoseconds) = (moment.seconds, moment.nanoseconds)
    }

    static func < (one: EngineTime, other: EngineTime) -> Bool {
        (one.seconds, one.nanoseconds) < (other.seconds, other.nanoseconds)
    }
}
