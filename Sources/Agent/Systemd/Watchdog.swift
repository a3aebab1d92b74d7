import NIOCore

/// Notifies systemd as long as the service is responsive. Source: `sd_watchdog_enabled(3)`.
///
/// Each notification follows a check of every event loop, the task thread and the refreshers.
struct Watchdog: Sendable {
    /// An observation takes at most 5 s, and so does one queued behind it; anything longer never ends.
    static let longestObservation = Duration.seconds(30)

    let manager: ServiceManager
    let group: any EventLoopGroup
    let source: ReloadableSource

    /// Half of the period that systemd grants; nil without a watchdog for this process.
    static func interval(_ manager: ServiceManager) -> Duration? {
        guard let granted = manager.environment["WATCHDOG_USEC"].flatMap({ Int64($0) }), granted > 0,
            manager.environment["WATCHDOG_PID"].map({ Int32($0) == manager.processID }) ?? true
        else { return nil }
        return .microseconds(granted) / 2
    }

    /// Returns when the task is cancelled, or at once without a watchdog.
    func run() async {
        guard let interval = Self.interval(manager) else { return }
        while !Task.isCancelled {
            await check()
            await WakeableSleep().wait(interval)
        }
    }

    /// Notifies systemd once if everything is responsive.
    func check() async {
        for loop in group.makeIterator() {
            do { try await loop.submit {}.get() } catch { return }
        }
        guard source.current.parts.allSatisfy({ $0.refresher.isResponsive(within: Self.longestObservation) }) else {
            return
        }
        manager.notify("WATCHDOG=1")
    }
}
