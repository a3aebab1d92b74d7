/// How many bytes the engine holds for answers. Belongs to the engine's thread.
final class ConnectionBudget {
    let limits: TransferLimits
    /// In bodies that are still arriving.
    var arriving = 0
    /// In completions that nobody has taken yet, as of this turn.
    var waiting = 0

    init(limits: TransferLimits) {
        self.limits = limits
    }

    /// Whether a new transfer may start.
    var hasRoom: Bool { arriving + waiting < limits.memoryBytes }

    /// Why a body may not grow to `size` by `addition` bytes; nil if it may.
    func objection(toSize size: Int, addition: Int) -> TransferFailure? {
        guard size <= limits.bodyBytes else { return .tooLarge("body over \(limits.bodyBytes) bytes") }
        let share = limits.memoryBytes / limits.concurrency
        guard arriving + waiting + addition <= limits.memoryBytes || size <= share else {
            return .tooLarge("body over \(share) bytes while all answers together pass \(limits.memoryBytes)")
        }
        return nil
    }
}
