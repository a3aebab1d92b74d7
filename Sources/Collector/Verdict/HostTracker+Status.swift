import Shared

/// The rules that derive a host's status from its facts.
extension HostTracker {
    /// The first status that applies.
    func derivedStatus(at now: Duration, isFinal: Bool, policy: Policy) -> HostStatus {
        if identity.fact.isConflict { return .conflict }
        let facts = facts
        if isFailed(facts.build, at: now, isFinal: isFinal, policy: policy) { return .failed }
        if outcome == .ok, history.everMatched, facts.build.isOther,
            isFinal && facts.runtime != .exited || history.regressions >= policy.failAfter
        {
            return .rolledBack
        }
        if isMissing, outcome != .ok { return .missing }
        guard outcome == .ok else {
            if outcome == .never { return isUnsent || isFinal && outstanding != nil ? .unreachable : .pending }
            return outcome.isSilence ? .unreachable : .agentError
        }
        let fact: Fact
        switch knowledge {
        case .blind: return .agentError
        // The host was not asked again because the collector lacked something.
        case .early where isFinal && isUnsent: return .unreachable
        case .early: return isFinal ? .unverifiable : .pending
        case .nothing, .unidentified: return .unverifiable
        case .fact(let known): fact = known
        }
        if isStale(at: now, policy: policy) {
            // An agent that answers but has not observed anything for a long time is blocked by its engine.
            let isAnswering = lastAnswerAt.map { now - $0 <= policy.freshness } ?? false
            return isAnswering && !isUnsent ? .agentError : .unreachable
        }
        switch facts.build {
        case .unidentified, .unknown: return .unverifiable
        case .mixed: return .mixed
        case .ahead: return .ahead
        case .behind, .foreign, .digestWrong, .shaWrong: return isFinal ? .straggler : .pending
        case .match, .matchPlatform, .matchIndex, .matchConfig, .matchSHA: break
        }
        guard facts.runtime == .serving else { return .starting }
        // After a suspension of the collector, only a new answer proves anything.
        guard let proof = fact.proof, proof.hasSoaked(policy.soak), !isOld(at: now, policy: policy) else {
            return .soaking
        }
        return history.changes >= 2 ? .flapping : .converged
    }

    private func isFailed(_ build: BuildFact, at now: Duration, isFinal: Bool, policy: Policy) -> Bool {
        // An earlier count does not apply if the agent cannot observe anything now.
        guard outcome == .ok, fact != nil, !isStale(at: now, policy: policy) else { return false }
        if history.failures >= policy.failAfter { return true }
        if isFinal, build == .digestWrong || build == .shaWrong { return true }
        // A single good observation, or a gap between two instances, does not end a crash loop: a soak does.
        return history.isLooping
    }

    /// True if the host has been out of reach, or failed, for the whole last soak. False for a host that answers but is not
    /// on the target yet, for example while its container is being replaced.
    func isSettled(at now: Duration, policy: Policy) -> Bool {
        if outcome == .never { return firstAskedAt.map { now - $0 >= policy.soak } ?? false }
        switch status {
        // It serves again and might converge.
        case .failed where fact?.proof != nil: return false
        case .unreachable, .agentError, .missing, .failed:
            // Silence begins when the unanswered request is sent, not when it times out.
            guard let since = silentSince ?? transitions.last?.at else { return false }
            return now - since >= policy.soak
        case .conflict, .rolledBack, .unverifiable, .mixed, .straggler, .ahead, .pending, .starting, .flapping,
            .soaking,
            .converged:
            return false
        }
    }
}
