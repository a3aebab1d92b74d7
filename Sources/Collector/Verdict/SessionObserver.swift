/// A host that changed its status.
package struct HostChange: Sendable {
    /// Index in the inventory.
    package var host: Int
    package var transition: HostTracker.Transition

    package init(host: Int, transition: HostTracker.Transition) {
        self.host = host
        self.transition = transition
    }
}

/// Somebody who watches a verification: progress on the terminal, the ledger.
///
/// Called on every turn of the session, in order, and must return quickly. Nothing that it does changes the verdict.
package protocol SessionObserver: Sendable {
    /// The verification took something in, and this came of it. Between two turns there are often many.
    mutating func took(_ input: Verification.Input, _ actions: [Verification.Action], by verification: Verification)
    /// Something may have happened; `changes` is often empty.
    mutating func turned(_ changes: [HostChange], of verification: Verification, at now: Duration)
    /// The verification is over. Called once, last.
    mutating func ended(_ verification: Verification, _ conclusion: Conclusion)
}

extension SessionObserver {
    package mutating func took(
        _ input: Verification.Input, _ actions: [Verification.Action], by verification: Verification
    ) {}
}
