import Synchronization

/// What other threads want of the engine's.
final class CommandQueue: Sendable {
    enum Command: Sendable {
        case submit([TransferRequest])
        case cancelIDs(Set<UInt64>)
        case cancelLane(Int)
        case stop
    }

    private let commands = Mutex<[Command]>([])
    private let wakeup: WakeupDescriptor

    init(wakeup: WakeupDescriptor) {
        self.wakeup = wakeup
    }

    func post(_ command: Command) {
        let wasEmpty = commands.withLock { commands in
            defer { commands.append(command) }
            return commands.isEmpty
        }
        if wasEmpty { wakeup.wake() }
    }

    /// Everything posted so far, in order.
    func takeAll() -> [Command] {
        commands.withLock { commands in
            defer { commands = [] }
            return commands
        }
    }
}
