import NIOCore

/// Who has to have gone on by some time.
protocol TimerWheelEntry: AnyObject {
    /// `.distantFuture` for none.
    var deadline: NIODeadline { get }
    /// Where the wheel keeps it; the wheel's own.
    var slot: Int64? { get set }
    /// The time is up.
    func deadlinePassed()
}

/// The deadlines of all connections of one event loop, on one timer, which is set only while there is a deadline: nobody
/// is woken for a connection that is left alone, and thousands of held requests cost no timer each.
///
/// Confined to its loop. A deadline is kept to within ``tick``, never early.
final class TimerWheel {
    static let tick = TimeAmount.milliseconds(100)

    private let loop: any EventLoop
    private var slots: [Int64: [ObjectIdentifier: any TimerWheelEntry]] = [:]
    private var timer: (slot: Int64, task: Scheduled<Void>)?

    init(loop: any EventLoop) {
        self.loop = loop
    }

    /// To be called when the deadline was set anew.
    ///
    /// A later one costs nothing: when the earlier slot's time comes, it is looked at again.
    func deadlineChanged(_ holder: any TimerWheelEntry) {
        guard holder.deadline != .distantFuture else { return }
        let slot = Self.slot(holder.deadline)
        if let current = holder.slot {
            guard slot < current else { return }
            remove(holder)
        }
        holder.slot = slot
        slots[slot, default: [:]][ObjectIdentifier(holder)] = holder
        arm(slot)
    }

    /// To be called when the holder has ended.
    func remove(_ holder: any TimerWheelEntry) {
        guard let slot = holder.slot else { return }
        holder.slot = nil
        slots[slot]?.removeValue(forKey: ObjectIdentifier(holder))
        if slots[slot]?.isEmpty == true { slots.removeValue(forKey: slot) }
    }

    /// The first tick that is not before the deadline.
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
            for holder in (slots.removeValue(forKey: slot) ?? [:]).values {
                holder.slot = nil
                if holder.deadline <= now { holder.deadlinePassed() } else { deadlineChanged(holder) }
            }
        }
        if let next = slots.keys.min() { arm(next) }
    }
}
