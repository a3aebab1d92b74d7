import Shared

/// From the facts and their history to the one status: the first that applies.
extension HostTracker {
    /// A change of status.
    package struct Transition: Hashable, Sendable {
        /// Since the verification's start.
        package var at: Duration
        package var status: HostStatus
        package var reason: String

        package init(at: Duration, status: HostStatus, reason: String) {
            self.at = at
            self.status = status
            self.reason = reason
        }
    }

    /// Derives the status anew; appends a transition and returns it where it changed, or where it came again for a reason that
    /// a reader must not miss.
    mutating func updateStatus(at now: Duration, isFinal: Bool, policy: Policy) -> Transition? {
        var next = derivedStatus(at: now, isFinal: isFinal, policy: policy)
        if isFinal, next != .converged, next != .failed, let conflict = recentConflict(at: now, policy: policy) {
            // Two hosts behind one URL answer in turns: which of them was last is chance.
            facts.identity = conflict
            next = .conflict
        }
        guard next != status || transitions.isEmpty || isNews(next) else { return nil }
        status = next
        told = Told(predatesStart: blindness == .predatesStart, restarts: history.total)
        let transition = Transition(at: now, status: next, reason: reason(at: now, policy: policy))
        // A host that changes its status for days must not fill the memory: the first and the latest changes stay.
        if transitions.count >= Self.maximumTransitions { transitions.remove(at: Self.maximumTransitions / 2) }
        transitions.append(transition)
        return transition
    }

    /// Whether the same status came for another reason: a host that was only asked too early says now what it serves, or an
    /// instance was restarted in its soak.
    private func isNews(_ next: HostStatus) -> Bool {
        switch next {
        case .pending: told.predatesStart && blindness == .none && evidence != nil
        case .soaking, .flapping: history.total > told.restarts
        default: false
        }
    }

    /// Changes that one host keeps; beyond them the ones in the middle are given up.
    package static let maximumTransitions = 1_000

    private func derivedStatus(at now: Duration, isFinal: Bool, policy: Policy) -> HostStatus {
        if facts.identity.isConflict { return .conflict }
        if isFailed(at: now, isFinal: isFinal, policy: policy) { return .failed }
        if isRolledBack(isFinal: isFinal, policy: policy) { return .rolledBack }
        if isMissing, facts.reach != .ok { return .missing }
        switch facts.reach {
        case .never: return isFinal && outstanding != nil ? .unreachable : .pending
        case .ok: break
        case let other: return other.isSilence ? .unreachable : .agentError
        }
        switch blindness {
        case .none: break
        case .sourceUnreadable: return .agentError
        case .predatesStart: return isFinal ? .unverifiable : .pending
        }
        if isStale(at: now, policy: policy) {
            // An agent that answers, and has not looked for long, hangs on its engine.
            return isAnswering(at: now, policy: policy) ? .agentError : .unreachable
        }
        switch facts.build {
        case .unidentified, .unknown: return .unverifiable
        case .mixed: return .mixed
        case .ahead: return .ahead
        case .behind, .foreign, .digestWrong, .shaWrong: return isFinal ? .straggler : .pending
        case .match, .matchPlatform, .matchIndex, .matchConfig, .matchSHA: break
        }
        guard facts.runtime == .serving else { return .starting }
        guard let proof, proof.answers >= 2, proof.span >= policy.soak else { return .soaking }
        return matchEdges.count >= 2 ? .flapping : .converged
    }

    private func isFailed(at now: Duration, isFinal: Bool, policy: Policy) -> Bool {
        // What was counted once says nothing of a host whose agent sees nothing now.
        guard facts.reach == .ok, factMoment != nil, !isStale(at: now, policy: policy) else { return false }
        if failing >= policy.failAfter { return true }
        if isFinal, [.digestWrong, .shaWrong].contains(facts.build) { return true }
        // A single good look, or a gap between two instances, does not end a crash loop: a soak does.
        return isLooping
    }

    private func isRolledBack(isFinal: Bool, policy: Policy) -> Bool {
        guard facts.reach == .ok, everMatched, [.behind, .foreign].contains(facts.build) else { return false }
        return isFinal && facts.runtime != .exited || goneBack >= policy.failAfter
    }

    /// Whether the host has been out of reach, or failed, all through the last soak. One that can be asked, and is only not
    /// there yet (its container is being replaced, say), is not.
    func isSettled(at now: Duration, policy: Policy) -> Bool {
        if facts.reach == .never {
            return firstAskedAt.map { now - $0 >= policy.soak } ?? false
        }
        switch status {
        // It serves again, and may converge.
        case .failed where proof != nil: return false
        case .unreachable, .agentError, .missing, .failed:
            // Silence begins with the request that nobody answered, not with the end of its wait.
            guard let since = silentSince ?? transitions.last?.at else { return false }
            return now - since >= policy.soak
        case .conflict, .rolledBack, .unverifiable, .mixed, .straggler, .stalled, .ahead, .pending, .starting,
            .flapping,
            .soaking, .converged:
            return false
        }
    }

    /// Why a lately given answer was not this host's; nil where none was.
    private func recentConflict(at now: Duration, policy: Policy) -> IdentityFact? {
        guard let lastConflict, now - lastConflict.at <= max(policy.flappingWindow, policy.freshness) else {
            return nil
        }
        return lastConflict.identity
    }

    /// Whether the last counted fact is too old to prove anything.
    func isStale(at now: Duration, policy: Policy) -> Bool {
        factMoment.map { now - $0 > policy.freshness } ?? false
    }

    /// Whether an answer, whatever it said, came lately.
    func isAnswering(at now: Duration, policy: Policy) -> Bool {
        lastAnswerAt.map { now - $0 <= policy.freshness } ?? false
    }

    /// Whether the host may count as proven right now.
    package func isProven(at now: Duration, policy: Policy) -> Bool {
        status == .converged && facts.reach == .ok && factMoment != nil && !isStale(at: now, policy: policy)
    }

    /// When the host was first seen to serve the target in the run that proved it; nil while it is not proven.
    package var convergedAt: Duration? { status == .converged ? proof?.since : nil }
}
