import NIOCore

/// An object whose deadline a timer wheel tracks.
protocol TimerWheelEntry: AnyObject {
    /// The deadline; `.distantFuture` without one.
    var deadline: NIODeadline { get }
    /// The slot of the wheel, which the wheel alone sets.
    var slot: Int64? { get set }
    /// Called when the deadline has passed.
    func deadlinePassed()
}

/// The deadlines of all connections of one event loop on a single timer.
///
/// The timer runs only while there is a deadline, so an idle connection wakes nothing, and thousands of held requests share one
/// timer. Confined to its loop. A deadline fires at most one ``tick`` late and never early.
final class TimerWheel {
    static let tick = TimeAmount.milliseconds(100)

    private let loop: any EventLoop
    private var slots: [Int64: [ObjectIdentifier: any TimerWheelEntry]] = [:]
    private var timer: (slot: Int64, task: Scheduled<Void>)?

    init(loop: any EventLoop) {
        self.loop = loop
    }

    /// Call this after each change of the deadline.
    ///
    /// A later deadline costs nothing: the entry moves when the time of its present slot comes.
    func deadlineChanged(_ entry: any TimerWheelEntry) {
        guard entry.deadline != .distantFuture else { return }
        let slot = Self.slot(entry.deadline)
        if let current = entry.slot {
            guard slot < current else { return }
            remove(entry)
        }
        entry.slot = slot
        slots[slot, default: [:]][ObjectIdentifier(entry)] = entry
        arm(slot)
    }

    /// Call this when the entry has ended.
    func remove(_ entry: any TimerWheelEntry) {
        guard let slot = entry.slot else { return }
        entry.slot = nil
        slots[slot]?.removeValue(forKey: ObjectIdentifier(entry))
        if slots[slot]?.isEmpty == true { slots.removeValue(forKey: slot) }
    }

    /// The first tick at or after the deadline.
    private static func slot(_ deadline: NIODeadline) -> Int64 {
        (Int64(clamping: deadline.uptimeNanoseconds) + tick.nanoseconds - 1) / tick.nanoseconds
    }

    private func arm(_ slot: Int64) {
        if let timer {
            guard slot < timer.slot else { return }
            timer.task.cancel()
        }
        let time = NIODeadline.uptimeNanoseconds(UInt64(slot * Self.tick.nanoseconds))
        timer = (slot, loop.assumeIsolated().scheduleTask(deadline: time) { [self] in fire() })
    }

    private func fire() {
        timer = nil
        let now = NIODeadline.now()
        let elapsed = Int64(now.uptimeNanoseconds) / Self.tick.nanoseconds
        for slot in slots.keys.filter({ $0 <= elapsed }).sorted() {
            for entry in (slots.removeValue(forKey: slot) ?? [:]).values {
                entry.slot = nil
                if entry.deadline <= now { entry.deadlinePassed() } else { deadlineChanged(entry) }
            }
        }
        if let next = slots.keys.min() { arm(next) }
    }
}
