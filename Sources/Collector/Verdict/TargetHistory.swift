import Shared

/// A host's history with the target: changes of its build, failures in a row, and restarts of its instances.
struct TargetHistory: Sendable {
    private(set) var everMatched = false
    /// Answers in a row that show a failed deploy.
    private(set) var failures = 0
    /// Answers in a row that show another build, after the target's was seen.
    private(set) var regressions = 0
    /// The host crashes repeatedly: `failed` until it has soaked, whatever a single observation shows.
    private(set) var isLooping = false
    private(set) var instances = InstanceHistory()
    private var lastWasMatch: Bool?
    private var latestChanges: [Duration] = []
    private var lastRepeatAt: Duration?

    /// How often the build changed lately between match and no match.
    var changes: Int { latestChanges.count }

    /// One counted answer.
    struct Observation {
        let evidence: SharedEvidence
        let comparison: BuildComparison
        let runtime: ServiceState
        let instances: [Instance]
        let answer: LastAnswerDetails
        let moment: Duration
    }

    mutating func take(_ seen: Observation, policy: Policy) {
        let isMatch = seen.comparison.fact.isMatch
        if isMatch, !seen.instances.isEmpty {
            instances.take(seen.instances, at: seen.moment, window: Self.loopWindow(policy))
        } else if seen.runtime == .absent {
            instances.tookNothing()
        } else if seen.evidence.value.instances.contains(where: \.isRunning) {
            instances.left()
            isLooping = false
        }
        if let lastWasMatch, isMatch != lastWasMatch { latestChanges.append(seen.moment) }
        latestChanges.removeAll { seen.moment - $0 > policy.flappingWindow }
        lastWasMatch = isMatch
        everMatched = everMatched || isMatch
        countRepeats(seen, policy: policy)
        let hasCrashed = failures >= policy.failAfter && (seen.runtime == .restarting || seen.runtime == .exited)
        if isMatch, instances.loop != nil || hasCrashed { isLooping = true }
    }

    /// The target held through a whole soak: earlier failures no longer count.
    mutating func soaked() {
        instances.soaked()
        isLooping = false
    }

    /// The soak; but never so short that two successive answers could not fall into it.
    private static func loopWindow(_ policy: Policy) -> Duration {
        max(policy.recovery, policy.interval * 2 + .milliseconds(500))
    }

    /// Counts answers in a row that show a failed deploy, or a build that went back. Only different observations count.
    private mutating func countRepeats(_ seen: Observation, policy: Policy) {
        let isFailing = showsFailure(seen)
        // A stopped container of another build is what a gap in a crash loop leaves to see: nothing went back to it.
        let isBack = everMatched && seen.comparison.fact.isOther && seen.runtime != .exited
        if !isFailing { failures = 0 }
        if !isBack { regressions = 0 }
        guard isFailing || isBack else {
            lastRepeatAt = nil
            return
        }
        let resolution = min(.milliseconds(100), policy.interval / 2)
        if let last = lastRepeatAt, seen.moment - last < resolution { return }
        lastRepeatAt = seen.moment
        if isFailing { failures += 1 }
        if isBack { regressions += 1 }
    }

    private func showsFailure(_ seen: Observation) -> Bool {
        switch seen.comparison.fact {
        // What the registry is still asked about is not decided.
        case .digestWrong: seen.comparison.detail != .learning
        case .shaWrong: true
        case let build where build.isMatch:
            switch seen.runtime {
            case .restarting, .paused: true
            case .exited: seen.instances.isEmpty || seen.instances.contains { isNewFailure($0, in: seen) }
            case .unhealthy:
                !seen.instances.contains(where: \.isUnhealthy) || seen.instances.contains(where: isSick)
            case .serving: false
            case .starting, .absent, .unknown: seen.instances.contains { $0.oomKilled == true }
            }
        default: false
        }
    }

    /// Whether a stopped instance is one that failed.
    ///
    /// One that never started waits for something. An agent that tells instances from leftovers and one-offs is believed.
    /// Older ones list all that matches: beside others that run, one that ended with 0 before the verification began, and
    /// did nothing since, may have been started for one command. It proves nothing, and does not count as a rollback. Only spans
    /// are taken from the host's own clock, which may be wrong by any amount.
    private func isNewFailure(_ instance: Instance, in seen: Observation) -> Bool {
        guard instance.state == .exited else { return instance.state == .restarting }
        if seen.answer.engine != nil, instance.startedAt == nil, (instance.exitCode ?? 0) == 0 { return false }
        guard !seen.answer.separatesInstances, (instance.exitCode ?? 0) == 0,
            seen.instances.contains(where: { $0.state != .exited })
        else { return true }
        return instances.isNews(instance) || seen.answer.startedSince(instance)
    }

    /// Whether an unhealthy instance is so by a check of its present run: some engines keep the last run's result.
    private func isSick(_ instance: Instance) -> Bool { instance.isUnhealthy && instances.hasDecided(instance) }
}
