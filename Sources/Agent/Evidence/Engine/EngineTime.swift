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
        guard !text.hasPrefix("0001-"), let milliseconds = RFC3339.unixMilliseconds(text) else { return nil }
        let part = milliseconds % 1_000
        seconds = milliseconds / 1_000 - (part < 0 ? 1 : 0)
        // Offsets are whole minutes, so the fraction is the same in every zone.
        let fraction = text.utf8.drop { $0 != UInt8(ascii: ".") }.dropFirst().prefix { (48...57).contains($0) }.prefix(
            9)
        nanoseconds = fraction.reduce(0) { $0 * 10 + Int64($1 - 48) }
        for _ in fraction.count..<9 { nanoseconds *= 10 }
    }

    static func < (one: EngineTime, other: EngineTime) -> Bool {
        (one.seconds, one.nanoseconds) < (other.seconds, other.nanoseconds)
    }
}
