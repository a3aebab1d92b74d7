/// How long to wait before the next attempt: twice as long after each that failed, up to a limit.
struct Backoff: Hashable, Sendable {
    static let first = Duration.milliseconds(100)
    static let limit = Duration.seconds(2)
    /// What stood so long was no failure. A proxy that answers and closes at once is one, and must not be asked in a loop.
    static let stability = Duration.seconds(5)

    private var upcoming = Self.first

    /// - Parameter stood: how long what was attempted lasted.
    mutating func pause(after stood: Duration) -> Duration {
        if stood >= Self.stability { upcoming = Self.first }
        defer { upcoming = min(upcoming * 2, Self.limit) }
        return upcoming
    }
}
