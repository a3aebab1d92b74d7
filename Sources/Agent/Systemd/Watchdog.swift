import NIOCore

/// Tells systemd that the service turns, as long as it does. Source: `sd_watchdog_enabled(3)`.
///
/// It is fed only behind a round through all that matters: each event loop, the thread of the tasks, and the looks.
struct Watchdog: Sendable {
    /// A look takes 5 s at most, and one behind it as much; what takes longer than this will never end.
    static let longestLook = Duration.seconds(30)

    let manager: ServiceManager
    let group: any EventLoopGroup
    let source: ReloadableSource

    /// Half of what systemd grants; nil where it watches nobody, or another process.
    static func interval(_ manager: ServiceManager) -> Duration? {
        guard let granted = manager.environment["WATCHDOG_USEC"].flatMap({ Int64($0) }), granted > 0,
            manager.environment["WATCHDOG_PID"].map({ Int32($0) == manager.processID }) ?? true
        else { return nil }
        return .microseconds(granted) / 2
    }

    /// Returns when the task is cancelled, or at once where nobody watches.
    func run() async {
        guard let interval = Self.interval(manager) else { return }
        while !Task.isCancelled {
            await round()
            await WakeableSleep().wait(interval)
        }
    }

    /// Feeds it once, where everything turns.
    func round() async {
        for loop in group.makeIterator() {
            do { try await loop.submit {}.get() } catch { return }
        }
        guard source.current.parts.allSatisfy({ $0.refresher.isResponsive(within: Self.longestLook) }) else { return }
        manager.notify("WATCHDOG=1")
    }
}
