import Shared

/// The reasons for a host's status, from its last answer.
extension HostTracker {
    /// The reason for the host's status.
    package func reason(at now: Duration, policy: Policy) -> HostReason {
        switch status {
        case .conflict: identity.reason(given: lastAnswer.hostID, boot: lastAnswer.bootID)
        case .failed: failedReason
        case .rolledBack: facts.build == .foreign ? .replacedByUnpromoted(served) : .wentBack(to: served)
        case .missing: .notListed(failedRequest)
        case .unreachable: unreachableReason(at: now)
        case .agentError: agentErrorReason(at: now)
        case .unverifiable: unverifiableReason
        case .mixed: mixedReason
        case .ahead: .promotedLater(serves: served, generation: generation)
        case .straggler, .pending: behindReason
        case .starting: startingReason
        case .soaking: soakingReason(policy)
        case .flapping: .flapping(changes: history.changes)
        case .converged:
            .converged(
                facts.build, hasHealthCheck: lastAnswer.hasHealthCheck,
                isSilentAboutCommit: lastAnswer.served?.tellsNoCommit == true)
        }
    }

    private var detail: BuildComparison.Detail { fact?.comparison.detail ?? .none }

    /// What the host serves, in short.
    private var served: String {
        if case .servedOther(let answer) = detail { return answer.shownCommit }
        return evidence?.gitSHA.value?.short ?? evidence?.shownDigest?.short ?? "an unknown build"
    }

    private var failedReason: HostReason {
        switch facts.build {
        case .digestWrong:
            let build = evidence?.shownDigest?.short ?? "another image"
            switch detail {
            case .promotedIsConfigDigest: return .promotedConfigDigest
            case .lacksPlatform(let platform): return .platformMissing(platform)
            case .learning: return .digestLookupPending(serves: build)
            case .notAmongContent(nil): return .wrongImage(serves: build, lookup: .isAnotherImage)
            case .notAmongContent(let why?): return .wrongImage(serves: build, lookup: .failed(why))
            default: return .wrongImage(serves: build, lookup: .notPossible)
            }
        case .shaWrong:
            return servedOther ?? .wrongCommit(serves: evidence?.gitSHA.value?.short ?? "another commit")
        default:
            if let loop = history.instances.loop {
                return .crashLoop(
                    .init(
                        instance: loop.name, count: loop.count, span: loop.span,
                        lastExitCode: history.instances.lastExitCode),
                    condition)
            }
            if let failedProbe { return .probeFailed(failedProbe) }
            if history.failures < 1 { return .crashLoopNotSoaked(condition) }
            // A container that never ran has no logs: its engine's own words are all there is.
            if let worst = lastAnswer.worst, worst.state == .exited, worst.startedAt == nil,
                let said = lastAnswer.explanation
            {
                return .startFailed(said: said, condition)
            }
            return .down(condition, answers: history.failures)
        }
    }

    private func unreachableReason(at now: Duration) -> HostReason {
        if isUnsent {
            return .requestFailed(
                FailedRequest(.notSent, detail: outcomeDetail, url: host.url, service: target.value.service))
        }
        if outcome == .ok, let lastAnswerAt { return .noFreshAnswer(for: now - lastAnswerAt) }
        if outcome == .never, let outstanding { return .noAnswerYet(waited: now - outstanding) }
        return .requestFailed(failedRequest)
    }

    private func agentErrorReason(at now: Duration) -> HostReason {
        guard outcome == .ok else { return .requestFailed(failedRequest) }
        if case .blind(let reason) = knowledge { return reason }
        return .sourceStale(age: fact.map { now - $0.moment })
    }

    private var unverifiableReason: HostReason {
        switch knowledge {
        case .early(let age): return .noAnswerSinceStart(age: age)
        case .blind(let reason), .unidentified(let reason, _): return reason
        case .nothing: return .nothingToCompare
        case .fact(let fact):
            if fact.runtime == .absent {
                return .noInstance(
                    service: target.value.service, said: lastAnswer.leftOut.isEmpty ? nil : lastAnswer.explanation)
            }
            // If the agent explains a missing commit, it has named the cause.
            switch fact.comparison.detail {
            case .noCommit(let reported):
                return .noRevision(reported, said: reported == .absent ? lastAnswer.explanation : nil)
            case .noCommitButDigest(let reported): return .noRevisionOfDigest(reported, said: lastAnswer.explanation)
            case .noRegistryDigest: return .noRegistryDigest
            case .noAgent: return .noAgent
            default: return .nothingToCompare
            }
        }
    }

    private var mixedReason: HostReason {
        guard case .instances(let matching, let all, let other) = detail else {
            return .instancesDiffer(matching: 0, of: 0, other: "", setup(), .unknown)
        }
        let setup = setup(of: other)
        return .instancesDiffer(matching: matching, of: all, other: other, setup, source(setup))
    }

    /// - Parameter container: the name of an instance; empty or nil for any.
    private func setup(of container: String? = nil) -> ServiceSetup {
        lastAnswer.setup(of: target.value.service, container: container)
    }

    private func source(_ setup: ServiceSetup) -> ImageTracking {
        // The counted answer is the last one for nearly all hosts, and parsing the reference again costs more than the rest.
        if let content = lastAnswer.content, content.evidence === fact?.evidence,
            let known = content.tracking(of: setup)
        {
            return known
        }
        return ImageTracking(setup, target: target.value, served: evidence?.gitSHA.value)
    }

    private var failedRequest: FailedRequest {
        FailedRequest(outcome, detail: outcomeDetail, url: host.url, service: target.value.service)
    }

    private var behindReason: HostReason {
        if let earlyAge { return .askedTooEarly(age: earlyAge) }
        guard outcome == .ok, fact != nil else { return .notAnsweredYet }
        switch facts.build {
        case .behind, .foreign: break
        case .digestWrong, .shaWrong: return failedReason
        default: return .notAnsweredYet
        }
        if let servedOther { return servedOther }
        if history.everMatched { return .leftTarget(serves: served) }
        var served = HostReason.Served(
            build: served, generation: generation, condition: facts.runtime == .serving ? nil : condition)
        let setup = setup()
        switch detail {
        case .tagMoved:
            served.generation = nil
            return .pulledNotRecreated(setup, source(setup), serves: served)
        case .contradiction: return .summaryDiffers(serves: served.build)
        default: return .neverPulled(setup, source(setup), serves: served)
        }
    }

    private var startingReason: HostReason {
        if let failedProbe { return .probeFailed(failedProbe) }
        if let shortage = lastAnswer.shortage, lastAnswer.worst == nil || lastAnswer.worst?.state == .serving {
            return .tooFewInstances(running: shortage.running, expected: shortage.expected)
        }
        // The agent knows the cause: a health check that has not passed yet, or a container that waits for another.
        if lastAnswer.plainState == nil, facts.runtime == .starting, let said = lastAnswer.explanation {
            return .starting(said: said)
        }
        return .notServing(condition)
    }

    private func soakingReason(_ policy: Policy) -> HostReason {
        guard let proof = fact?.proof, !policy.provesNothing else { return .onTarget }
        return .soaking(
            held: proof.span, of: policy.soak, changes: history.changes, restarts: history.instances.summary)
    }

    /// The failed probe, if the image is right and the probe alone keeps the service from being up.
    private var failedProbe: ProbeResult? {
        guard let served = lastAnswer.served, served.outcome != .ok else { return nil }
        return served
    }

    private var servedOther: HostReason? {
        guard case .servedOther(let served) = detail else { return nil }
        let image = evidence?.gitSHA.value?.short ?? evidence?.shownDigest?.short ?? "the target"
        return .serviceServesOther(served.shownCommit, image: image, url: served.url)
    }

    /// The instance that represents the service. In the gap of a crash loop, the logs are those of the previous instance.
    private var condition: HostReason.Condition {
        let worst = lastAnswer.worst
        let hasEnded = worst?.state == .exited || worst?.state == .restarting
        return HostReason.Condition(
            state: facts.runtime, instance: worst?.name,
            setup: setup(of: worst?.name ?? history.instances.loop?.name),
            exitCode: hasEnded ? worst?.exitCode : nil, isOutOfMemory: worst?.oomKilled == true,
            restartCount: worst?.restartCount, error: worst?.error, healthOutput: worst?.healthOutput,
            callsItServing: lastAnswer.callsItServing, said: lastAnswer.plainState)
    }
}
