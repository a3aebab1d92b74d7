import Shared

/// The target of all hosts of a verification. A reference, because trackers are copied often.
final class SharedTarget: Sendable {
    let value: Target

    init(_ value: Target) { self.value = value }
}

/// The accumulated state of one host, folded from its samples in order.
///
/// Pure: every time is an offset from the verification's start. ``Verification`` owns one tracker per host.
package struct HostTracker: Sendable {
    package let host: ExpectedHost
    package private(set) var status = HostStatus.pending
    package private(set) var transitions: [Transition] = []
    /// The number of requests that ended, whatever their outcome.
    package private(set) var attempts = 0
    /// The arrival of the last answer of any kind.
    package private(set) var lastAnswerAt: Duration?
    package private(set) var lastAnswer = LastAnswerDetails()
    /// True if the last answer was a document, which the next answer can repeat.
    private var canBeRepeated = false

    let target: SharedTarget
    private(set) var knowledge = Knowledge.nothing
    /// The outcome of the last request that was sent, and its detail if there was no usable answer.
    private(set) var outcome = RequestOutcome.never
    private(set) var outcomeDetail = ""
    /// True if the last request could not be sent, and the host would be known to answer, or not known at all, otherwise.
    /// ``outcomeDetail`` then is what the collector lacked.
    private(set) var isUnsent = false
    /// True from the end of a suspension of the collector until a request that was sent since has ended.
    private(set) var isUnasked = false
    /// When the first request was sent, and the one that is under way.
    private(set) var firstAskedAt: Duration?
    private(set) var outstanding: Duration?
    /// The start of the current silence: the time at which its first request was sent. nil while the host answers.
    private(set) var silentSince: Duration?
    private(set) var hasAnswered = false
    /// True if the host answered with an observation after the start, or has nothing newer to report.
    private(set) var isHeard = false
    /// True if the inventory's source no longer lists the host.
    private(set) var isMissing = false

    private(set) var identity: IdentityTracker
    private(set) var history = TargetHistory()
    private var plainClock = PlainClock()
    private var firstAnswer = FirstAnswer()
    /// The contents of the last transition, in case the same status recurs for another reason.
    private var announced = Announced()

    /// - Parameter acceptsSuccessor: as in ``IdentityTracker``.
    init(host: ExpectedHost, target: SharedTarget, acceptsSuccessor: Bool = false) {
        self.host = host
        self.target = target
        identity = IdentityTracker(expectedID: host.id, acceptsSuccessor: acceptsSuccessor)
    }

    /// The current knowledge of the build, from all answers so far.
    enum Knowledge {
        case nothing
        /// An agent answers but cannot read its source.
        case blind(HostReason)
        /// An answer with an observation from before the start, of this age.
        case early(Duration)
        /// An answer that cannot be used for the service.
        case unidentified(HostReason, ServiceState)
        case fact(Fact)
    }

    /// The last counted answer.
    struct Fact {
        let evidence: SharedEvidence
        var comparison: BuildComparison
        let runtime: ServiceState
        /// The latest possible time of the observation.
        let moment: Duration
        /// The unbroken run of proving answers; nil if this answer does not prove the target.
        var proof: Proof?
    }

    private struct Announced {
        var wasEarly = false
        var restarts = 0
    }

    /// A change of status.
    package struct Transition: Hashable, Sendable {
        /// Time since the verification's start.
        package let at: Duration
        package let status: HostStatus
        package let reason: HostReason

        package init(at: Duration, status: HostStatus, reason: HostReason) {
            self.at = at
            self.status = status
            self.reason = reason
        }
    }

    /// What every sample of a verification is judged by. A reference, because it is passed with each of them.
    final class Rules: Sendable {
        let matcher: BuildMatcher
        let policy: Policy
        /// The time of the earliest observation that counts.
        let earliest: Duration
        let suspensions: Suspensions

        init(matcher: BuildMatcher, policy: Policy, earliest: Duration, suspensions: Suspensions = Suspensions()) {
            (self.matcher, self.policy, self.earliest, self.suspensions) = (matcher, policy, earliest, suspensions)
        }
    }

    // MARK: - State

    var fact: Fact? { if case .fact(let fact) = knowledge { fact } else { nil } }

    package var facts: HostFacts {
        let (build, runtime): (BuildFact, ServiceState) =
            switch knowledge {
            case .nothing, .blind, .early: (.unknown, .unknown)
            case .unidentified(_, let runtime): (.unidentified, runtime)
            case .fact(let fact): (fact.comparison.fact, fact.runtime)
            }
        return HostFacts(
            reach: isUnsent && outcome == .never ? .notSent : outcome, identity: identity.fact, build: build,
            runtime: runtime)
    }

    /// The build evidence of the last counted answer.
    package var evidence: BuildEvidence? { fact?.evidence.value }

    /// The latest possible time of the last counted observation.
    package var observedAt: Duration? { if case .fact(let fact) = knowledge { fact.moment } else { nil } }

    /// The generation that the host serves instead of the target; nil if unknown.
    var generation: Int? { if case .generation(let generation)? = fact?.comparison.detail { generation } else { nil } }

    /// True if the last request had a usable answer.
    var isReachable: Bool { outcome == .ok }

    /// The age of the last observation if it was made before the start; nil otherwise.
    package var earlyAge: Duration? { if case .early(let age) = knowledge { age } else { nil } }

    /// The time for which the target has certainly held without a break; nil if the last counted answer does not prove it.
    var provenSpan: Duration? { fact?.proof?.span }

    package var restarts: RestartSummary? { history.instances.summary }

    /// The time at which the host was first seen to serve the target in the run that proved it; nil unless it converged
    /// during the verification.
    package var convergedAt: Duration? { status == .converged && !servedFromStart ? fact?.proof?.since : nil }

    /// True if the host is converged, and every answer, from the first one on, showed the target up on the same instances.
    package var servedFromStart: Bool { status == .converged && firstAnswer.isUnchanged }

    /// True if the last answer shows an instance with this digest.
    func serves(_ digest: Digest) -> Bool {
        evidence?.instances.contains { $0.registryDigests.contains(digest) } ?? false
    }

    /// True if the host counts as proven at this time.
    package func isProven(at now: Duration, policy: Policy) -> Bool {
        Self.isProven(status, outcome, observedAt: observedAt, at: now, policy: policy)
    }

    /// As ``isProven(at:policy:)``, for a host of which these values are known: a copy of a tracker costs more than the check.
    static func isProven(
        _ status: HostStatus, _ outcome: RequestOutcome, observedAt: Duration?, at now: Duration, policy: Policy
    ) -> Bool {
        guard status == .converged, outcome == .ok, let observedAt else { return false }
        return !isOld(observedAt, at: now, policy: policy)
    }

    private static func isOld(_ observedAt: Duration, at now: Duration, policy: Policy) -> Bool {
        now - observedAt > policy.freshness
    }

    /// True if the last counted fact is too old to prove anything.
    func isOld(at now: Duration, policy: Policy) -> Bool {
        observedAt.map { Self.isOld($0, at: now, policy: policy) } ?? false
    }

    /// True if the last counted fact is too old, and not because the collector was suspended and has not queried the host
    /// since.
    package func isStale(at now: Duration, policy: Policy) -> Bool {
        // A sweep judges nothing by it, and must show nothing old as fresh.
        isOld(at: now, policy: policy) && (!isUnasked || policy.provesNothing)
    }

    // MARK: - Samples

    mutating func asked(at moment: Duration) {
        outstanding = moment
        firstAskedAt = firstAskedAt ?? moment
    }

    /// The collector was suspended.
    mutating func resume() { isUnasked = true }

    /// The request that is under way says nothing about the host.
    mutating func discardRequest() {
        outstanding = nil
        canBeRepeated = false
    }

    mutating func setListed(_ isListed: Bool) { isMissing = !isListed }

    /// The answer of a sample. A document is split into what hosts share and what is this host's own.
    func received(_ sample: Sample, sharing shared: inout SharedValues) -> ReceivedAnswer {
        switch sample.answer {
        case .unusable(let outcome, let detail): return .unusable(outcome, detail: detail)
        case .plain(let answer): return .plain(answer)
        case .document(let document):
            let rest = document.withoutOwnValues
            let before = lastAnswer.content.flatMap { $0.document == rest ? $0 : nil }
            return .agent(
                AgentAnswer(
                    content: before ?? shared.content(of: rest),
                    own: OwnValues(document, after: lastAnswer.own, isSameContent: before != nil),
                    nonce: document.nonce, ageSeconds: document.ageSeconds))
        case .repeated(let changes):
            guard canBeRepeated, let content = lastAnswer.content, var own = lastAnswer.own else {
                return .unusable(.protocolError, detail: "repeats a document that it did not send")
            }
            own.observedAt = changes.observedAt
            return .agent(
                AgentAnswer(content: content, own: own, nonce: changes.nonce, ageSeconds: changes.ageSeconds))
        }
    }

    /// Processes one sample.
    ///
    /// - Parameters:
    ///   - answer: the sample's.
    ///   - twin: the other host of the inventory whose id this sample has; nil if absent.
    mutating func observe(
        _ sample: Sample, _ answer: ReceivedAnswer, twin: IdentityTracker.Twin?, rules: Rules,
        sharing shared: inout SharedValues
    ) {
        attempts += 1
        outstanding = nil
        if case .agent = answer { canBeRepeated = true } else { canBeRepeated = false }
        defer {
            isHeard = isHeard || earlyAge == nil || sample.askedAt >= Policy.agentFreshness
            if fact == nil, earlyAge == nil { firstAnswer.takeNothing() }
        }
        if case .unusable(.notSent, let detail) = answer {
            // Nothing is known of the host that was not known before.
            guard outcome == .ok || outcome == .never else { return }
            isUnsent = true
            outcomeDetail = detail
            return
        }
        isUnsent = false
        if let suspension = rules.suspensions.last, sample.askedAt >= suspension.until { isUnasked = false }
        switch answer {
        case .unusable(let outcome, let detail):
            self.outcome = outcome
            outcomeDetail = detail
            identity.tookNothing()
            // A connection that breaks is as silent as none, as far as a cut network goes.
            silentSince = outcome.isSilence || outcome == .protocolError ? silentSince ?? sample.askedAt : nil
            // Silence keeps the last fact until it is stale. Any other answer replaces it.
            if !outcome.isSilence {
                lastAnswerAt = sample.answeredAt
                knowledge = .nothing
            }
        case .agent(let answer):
            answered(sample)
            lastAnswer = LastAnswerDetails(answer)
            guard identity.take(answer, of: sample, twin: twin) else { return knowledge = .nothing }
            // Instances that are said to run on through a reboot are not believed to.
            if identity.note(id: answer.own.hostID, boot: answer.own.bootID) {
                breakProof()
                firstAnswer.rebooted()
            }
            take(answer, sample: sample, rules: rules, sharing: &shared)
        case .plain(let answer):
            answered(sample)
            lastAnswer = LastAnswerDetails(answer)
            guard identity.take(answer, of: sample) else { return knowledge = .nothing }
            take(answer, sample: sample, rules: rules)
        }
    }

    private mutating func answered(_ sample: Sample) {
        hasAnswered = true
        silentSince = nil
        lastAnswerAt = sample.answeredAt
        outcome = .ok
        outcomeDetail = ""
    }

    private mutating func take(
        _ answer: AgentAnswer, sample: Sample, rules: Rules, sharing shared: inout SharedValues
    ) {
        let content = answer.content
        let age = Duration(clampingSeconds: answer.ageSeconds)
        guard age >= .zero else { return knowledge = .blind(.negativeAge) }
        guard content.document.state != .unknown else {
            return knowledge = .blind(.sourceUnreadable(said: content.explanation))
        }
        guard age <= Policy.maximumAge else { return knowledge = .blind(.sourceLost(age: age)) }
        guard content.document.service == rules.matcher.target.service else {
            return knowledge = .unidentified(
                .otherService(content.document.service, expected: rules.matcher.target.service),
                content.document.state)
        }
        if let contradiction = answer.own.contradiction {
            return knowledge = .unidentified(.contradiction(contradiction), content.document.state)
        }
        let window = ObservationWindow(sample, age: age, unattended: rules.suspensions)
        firstAnswer.take(content.evidence, runtime: content.runtime, fingerprint: answer.own.fingerprint)
        guard counts(window, rules) else { return tooEarly(age) }
        lastAnswer.observed(at: window.moment)
        count(
            content.evidence, comparison: shared.comparison(of: content, by: rules.matcher),
            runtime: content.runtime, instances: answer.instances, fingerprint: answer.own.fingerprint,
            window: window, canProve: true, isNew: true, rules: rules)
    }

    /// Processes an answer of a host without an agent. Only an echoed nonce ties such an answer to its request.
    private mutating func take(_ answer: PlainAnswer, sample: Sample, rules: Rules) {
        let runtime = answer.state ?? .unknown
        if let id = host.id { return knowledge = .unidentified(.agentMissing(expectedID: id), runtime) }
        if let other = answer.service, other != rules.matcher.target.service {
            return knowledge = .unidentified(
                .otherService(other, expected: rules.matcher.target.service), runtime)
        }
        if let problem = answer.problem { return knowledge = .unidentified(.unusablePlainAnswer(problem), runtime) }
        var isNew = true
        if answer.nonce == nil {
            var stored = answer.stored
            if let date = answer.date {
                switch plainClock.take(date, askedAt: sample.askedAt, answeredAt: sample.answeredAt) {
                case .plausible(let isOther): isNew = isOther
                case .ahead: breakProof()
                case .stored: stored = stored ?? "its Date does not advance"
                }
            }
            if let stored { return knowledge = .unidentified(.cachedAnswer(by: stored), runtime) }
        }
        let age = Duration(clampingSeconds: answer.ageSeconds ?? 0)
        if age > Policy.maximumAge { return knowledge = .unidentified(.agedAnswer(age), runtime) }
        let window = ObservationWindow(sample, age: age, unattended: rules.suspensions)
        let evidence = SharedEvidence(BuildEvidence(answer))
        firstAnswer.take(evidence, runtime: answer.state ?? .serving, fingerprint: [])
        guard counts(window, rules) else { return tooEarly(age) }
        // The Date of a stored answer cannot show an age below its own resolution.
        let isCertain =
            answer.nonce != nil || answer.date == nil
            || window.earliest >= rules.earliest + .milliseconds(PlainClock.coarseness)
        count(
            evidence, comparison: rules.matcher.match(evidence.value), runtime: answer.state ?? .serving, instances: [],
            fingerprint: [], window: window, canProve: isCertain, isNew: isNew, rules: rules)
    }

    /// True if an observation might lie after the start. Agents round ages up to whole milliseconds, so an observation seems
    /// slightly earlier than it was. A proof requires more: see ``proof(extending:fingerprint:window:isNew:rules:)``.
    private func counts(_ window: ObservationWindow, _ rules: Rules) -> Bool {
        window.latest + Policy.ageRounding >= rules.earliest
    }

    /// Processes an observation from before the start. It shows nothing about the promoted build, but the host is there. If
    /// a later observation was already counted, this is the same one with a less exact time, and it changes nothing.
    private mutating func tooEarly(_ age: Duration) {
        if fact == nil { knowledge = .early(age) }
    }

    private mutating func breakProof() {
        guard case .fact(var fact) = knowledge else { return }
        fact.proof = nil
        knowledge = .fact(fact)
    }

    /// Counts a usable answer.
    ///
    /// - Parameters:
    ///   - canProve: false if the observation might be from before the start although its stated age is not.
    ///   - isNew: false if the answer might be the same as the previous one.
    private mutating func count(
        _ evidence: SharedEvidence, comparison: BuildComparison, runtime: ServiceState, instances: [Instance],
        fingerprint: [Proof.InstanceFingerprint], window: ObservationWindow, canProve: Bool, isNew: Bool, rules: Rules
    ) {
        let policy = rules.policy
        let moment = window.moment
        history.take(
            TargetHistory.Observation(
                evidence: evidence, comparison: comparison, runtime: runtime, instances: instances, answer: lastAnswer,
                moment: moment),
            policy: policy)
        // A slow answer may rest on an observation from before the start, although it says otherwise.
        let proves =
            comparison.fact.isMatch && runtime == .serving && canProve && window.earliest >= rules.earliest
        let proof =
            proves
            ? Proof(
                extending: fact?.proof, window: window, fingerprint: fingerprint, isNew: isNew,
                freshness: policy.freshness) : nil
        knowledge = .fact(
            Fact(evidence: evidence, comparison: comparison, runtime: runtime, moment: moment, proof: proof))
        if let proof, proof.hasSoaked(policy.recovery) { history.soaked() }
    }

    /// Compares the last answer again, after promotions or digests became known.
    mutating func rematch(_ matcher: BuildMatcher) {
        guard case .fact(var fact) = knowledge else { return }
        fact.comparison = matcher.match(fact.evidence.value)
        knowledge = .fact(fact)
    }

    // MARK: - Identity

    /// Another host turned out to have the same id.
    ///
    /// - Returns: false where that was known.
    mutating func markDuplicate(of twin: IdentityTracker.Twin) -> Bool {
        guard identity.markDuplicate(of: twin) else { return false }
        knowledge = .nothing
        return true
    }

    /// This host as another one's twin. A last answer with another id does not tell in which boot it has this one.
    func twin(withID id: String) -> IdentityTracker.Twin {
        IdentityTracker.Twin(name: host.name, bootID: lastAnswer.hostID == id ? lastAnswer.bootID : nil)
    }

    /// The host id that an answer validly claims for this host; nil if it is another host's.
    func claimedID(_ answer: AgentAnswer, nonce: String) -> String? { identity.claimedID(answer, nonce: nonce) }

    // MARK: - Status

    /// Derives the status. If it changed, or recurred for a reason that must be reported, appends a transition and returns
    /// it.
    mutating func updateStatus(
        at now: Duration, isFinal: Bool, policy: Policy, sharing shared: inout SharedValues
    ) -> Transition? {
        var next = derivedStatus(at: now, isFinal: isFinal, policy: policy)
        if isFinal, next != .converged, next != .failed,
            identity.recallConflict(at: now, within: max(policy.flappingWindow, policy.freshness))
        {
            next = .conflict
        }
        guard next != status || transitions.isEmpty || isNews(next) else { return nil }
        status = next
        announced = Announced(wasEarly: earlyAge != nil, restarts: history.instances.total)
        let transition = Transition(at: now, status: next, reason: shared.reason(reason(at: now, policy: policy)))
        // Bounds memory for hosts that change status for days. The first and the latest transitions are kept.
        if transitions.count >= Self.maximumTransitions { transitions.remove(at: Self.maximumTransitions / 2) }
        transitions.append(transition)
        return transition
    }

    /// The maximum number of transitions per host. Beyond it, those in the middle are dropped.
    package static let maximumTransitions = 1_000

    /// True if the same status recurs for another reason: a host whose first answer was too early now reports what it
    /// serves, or an instance was restarted during its soak.
    private func isNews(_ next: HostStatus) -> Bool {
        switch next {
        case .pending: announced.wasEarly && fact != nil
        case .soaking, .flapping: history.instances.total > announced.restarts
        default: false
        }
    }
}
