import Shared

/// The build of a host's first answer, and whether every answer since has shown the same one.
///
/// A host that converged without a change has served the target from the start. The moment at which it was first asked is
/// then not a time to converge: it would only tell when it was polled.
struct FirstAnswer: Sendable {
    private enum State {
        case awaited
        case unchanged(SharedEvidence, [Proof.InstanceFingerprint])
        case changed
    }

    private var state = State.awaited

    /// True if the first request was answered, and every answer showed the same instances of the same build, up.
    var isUnchanged: Bool { if case .unchanged = state { true } else { false } }

    /// Takes an answer that shows a build, including one from before the start.
    mutating func take(
        _ evidence: SharedEvidence, runtime: ServiceState, fingerprint: [Proof.InstanceFingerprint]
    ) {
        switch state {
        case .changed: break
        case _ where runtime != .serving: state = .changed
        case .awaited: state = .unchanged(evidence, fingerprint)
        case .unchanged(let first, let instances):
            let isSame = instances == fingerprint && (first === evidence || first.value.isSameBuild(as: evidence.value))
            if !isSame { state = .changed }
        }
    }

    /// Takes a request without an answer that shows a build. Only the first answer matters: a lost one later says nothing
    /// about the host.
    mutating func takeNothing() {
        if case .awaited = state { state = .changed }
    }

    /// The host was rebooted.
    mutating func rebooted() { state = .changed }
}

extension BuildEvidence {
    /// True if the answers state the same commit, digest and digests of the instances.
    fileprivate func isSameBuild(as other: BuildEvidence) -> Bool {
        gitSHA == other.gitSHA && digest == other.digest
            && instances.map(\.registryDigests) == other.instances.map(\.registryDigests)
    }
}
