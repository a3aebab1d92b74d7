/// A change of a host's status.
package struct HostChange: Sendable {
    /// Index in the inventory.
    package var host: Int
    package var transition: HostTracker.Transition

    package init(host: Int, transition: HostTracker.Transition) {
        self.host = host
        self.transition = transition
    }
}

/// An observer of a verification: progress on the terminal, the ledger, evidence.
///
/// Called on every turn of the session, in order; must return quickly. It cannot change the verdict.
package protocol SessionObserver: Sendable {
    /// The verification processed an input, which resulted in these actions. There are often many between two turns.
    mutating func took(_ input: Verification.Input, _ actions: [Verification.Action], by verification: Verification)
    /// A turn of the session ended; `changes` is often empty.
    mutating func turned(_ changes: [HostChange], of verification: Verification, at now: Duration)
    /// The verification is over. Called once, last.
    mutating func ended(_ verification: Verification, _ conclusion: Conclusion)
}

extension SessionObserver {
    package mutating func took(
        _ input: Verification.Input, _ actions: [Verification.Action], by verification: Verification
    ) {}
}
