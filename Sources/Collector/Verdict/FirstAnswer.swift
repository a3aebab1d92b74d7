import Shared

/// The build of a host's first answer, and whether every answer since has shown the same one.
///
/// A host that converged without a change has served the target from the start. The moment at which it was first asked is
/// then not a time to converge: it would only tell when it was polled.
struct FirstAnswer: Sendable {
    private enum State {
        case awaited
        case unchanged(Build)
        case changed
    }

    private struct Build: Hashable {
        let gitSHA: Reported<GitSHA>
        let digest: Digest?
        let instances: [Set<Digest>]
        let fingerprint: [Proof.InstanceFingerprint]
    }

    private var state = State.awaited

    /// True if the first request was answered, and every answer showed the same instances of the same build, up.
    var isUnchanged: Bool { if case .unchanged = state { true } else { false } }

    /// Takes an answer that shows a build, including one from before the start.
    mutating func take(_ evidence: BuildEvidence, runtime: ServiceState, instances: [Instance]) {
        let build = Build(
            gitSHA: evidence.gitSHA, digest: evidence.digest, instances: evidence.instances.map(\.registryDigests),
            fingerprint: Proof.fingerprint(of: instances))
        switch state {
        case .changed: break
        case _ where runtime != .serving: state = .changed
        case .awaited: state = .unchanged(build)
        case .unchanged(let first): if first != build { state = .changed }
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
