import Glibc

/// The clocks that the agent uses. Tests replace them.
struct Clock: Sendable {
    /// The monotonic clock, which also runs while the machine is suspended, so that documents age during a suspend.
    var now: @Sendable () -> ContinuousClock.Instant
    /// The wall clock in milliseconds since 1970, for display.
    var unixMilliseconds: @Sendable () -> Int64

    /// Nanoseconds since the machine booted, including suspends: the same in all its processes.
    var bootNanoseconds: @Sendable () -> Int64 = {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    static let system = Clock(
        now: { ContinuousClock.now },
        unixMilliseconds: {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
        })
}
