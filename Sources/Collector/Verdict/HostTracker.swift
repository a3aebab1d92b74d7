package import Shared

/// What is known of one host, folded from its samples in their order.
///
/// Pure: every time comes in as an offset from the verification's start. ``Verification`` owns one for each host.
package struct HostTracker: Sendable {
    package let host: ExpectedHost
    /// The service that was asked for.
    let serviceName: String
    package var facts = HostFacts()
    package var status = HostStatus.pending
    package var transitions: [Transition] = []
    /// Requests that ended, whatever came of them.
    package private(set) var attempts = 0
    /// When the request that is under way was asked; nil when none is.
    private(set) var outstanding: Duration?
    /// When the first request was asked.
    private(set) var firstAskedAt: Duration?
    /// When the last answer of any kind arrived.
    package private(set) var lastAnswerAt: Duration?
    /// Why there is no usable answer, or nil where there is one. One clean line.
    package private(set) var trouble: String?
    /// The last usable answer, in what is comparable and what is worth telling.
    package private(set) var evidence: BuildEvidence?
    private(set) var assessment: BuildComparison?
    package private(set) var telling = Telling()
    /// The unbroken run of proving answers, if the last counted one proved.
    private(set) var proof: Proof?
    /// When the present run of silence began: the asking of its first request. nil while the host answers.
    private(set) var silentSince: Duration?
    /// The last answer that was not this host's, and when it came.
    private(set) var lastConflict: (identity: IdentityFact, at: Duration)?
    /// The host answered at least once.
    private(set) var hasAnswered = false
    /// The id that the host first gave in this verification, and the boot that it was in.
    private(set) var firstID: String?
    private(set) var firstBoot: String?
    /// The boot of the last answer: instances that say they run on through another one are not believed to.
    private var lastBoot: String?
    /// The other host that answers with this one's id, where there is one.
    private(set) var twin: Twin?
    /// How old the last look was that was from before the start.
    private(set) var earlyAge = Duration.zero
    /// The host's answer was from after the start, or it has nothing newer to say.
    private(set) var isHeard = false
    /// Why the last answer brought no fact, where it came from an agent.
    package private(set) var blindness = Blindness.none
    /// The inventory's source does not list the host any more.
    var isMissing = false

    /// The moment of the last counted fact: when its source was looked at.
    package private(set) var factMoment: Duration?
    private var fingerprint: [InstanceFingerprint]?
    private(set) var everMatched = false
    private var lastWasMatch: Bool?
    private(set) var matchEdges: [Duration] = []
    /// What became of the instances while they were the target's.
    package private(set) var history = InstanceHistory()
    private var plainClock = PlainClock()
    package private(set) var failing = 0
    /// The host crashes again and again: `failed` until it has soaked, whatever a single look shows.
    private(set) var isLooping = false
    private(set) var goneBack = 0
    private var repeatMoment: Duration?
    /// What the last transition told, where the same status can come for another reason.
    package var told = Told()

    init(host: ExpectedHost, service: String) {
        self.host = host
        serviceName = service
    }

    // MARK: - Folding

    package mutating func asked(at moment: Duration) {
        outstanding = moment
        firstAskedAt = firstAskedAt ?? moment
    }

    /// Takes one sample in.
    ///
    /// - Parameter twin: the other host of the inventory whose id this sample has; nil where it is nobody else's.
    package mutating func observe(_ sample: Sample, twin: Twin?, judge: BuildMatcher, policy: Policy) {
        attempts += 1
        outstanding = nil
        self.twin = twin
        defer { isHeard = isHeard || blindness != .predatesStart || sample.askedAt >= Policy.agentFreshness }
        switch sample.finding {
        case .none(let reach, let detail):
            // A connection that breaks is as silent as none, as far as a cut network goes.
            silentSince = reach.isSilence || reach == .protocolError ? silentSince ?? sample.askedAt : nil
            if !reach.isSilence { lastAnswerAt = sample.answeredAt }
            facts.reach = reach
            trouble = detail
            // Silence leaves the last fact standing until it is stale; another answer takes its place.
            if !reach.isSilence { forgetBuild() }
        case .document(let document):
            answered(sample)
            telling = Telling(document)
            facts.identity = identify(document, nonce: sample.nonce, isDuplicate: twin != nil)
            guard !facts.identity.isConflict else { return conflicted(at: sample.answeredAt) }
            if firstID == nil { (firstID, firstBoot) = (document.host.id, document.host.bootID) }
            if let lastBoot, lastBoot != document.host.bootID { proof = nil }
            lastBoot = document.host.bootID
            take(document, sample: sample, judge: judge, policy: policy)
        case .plain(let answer):
            answered(sample)
            facts.identity = identify(answer, nonce: sample.nonce)
            guard !facts.identity.isConflict else { return conflicted(at: sample.answeredAt) }
            telling = Telling(hasHealthCheck: false)
            telling.plainState = answer.stateText
            take(answer, sample: sample, judge: judge, policy: policy)
        }
    }

    /// An answer of another host, another time or another request proves nothing.
    private mutating func conflicted(at moment: Duration) {
        lastConflict = (facts.identity, moment)
        forgetBuild()
    }

    private mutating func answered(_ sample: Sample) {
        hasAnswered = true
        silentSince = nil
        lastAnswerAt = sample.answeredAt
        facts.reach = .ok
        blindness = .none
        trouble = nil
    }

    private mutating func take(_ document: Document, sample: Sample, judge: BuildMatcher, policy: Policy) {
        let age = Duration(clampingSeconds: document.ageSeconds)
        guard age >= .zero else {
            blindness = .sourceUnreadable
            trouble = "the agent's age_seconds is below zero, so that nobody can tell when it looked"
            return forgetBuild()
        }
        guard document.state != .unknown else {
            blindness = .sourceUnreadable
            trouble =
                document.reason.map { "the agent cannot tell: \(Sanitizer.singleLine($0, limit: 200))" }
                ?? "the agent cannot read its source"
            return forgetBuild()
        }
        guard age <= Policy.maximumAge else {
            blindness = .sourceUnreadable
            trouble = "the agent lost its engine: its last look is \(age.brief) old"
            return forgetBuild()
        }
        guard document.service == judge.target.service else {
            let other = Sanitizer.singleLine(document.service, limit: 64)
            trouble = "answers for the service '\(other)', not for '\(judge.target.service)': check the inventory's URL"
            facts.runtime = document.state
            return forgetBuild(as: .unidentified)
        }
        if let contradiction = document.contradiction {
            trouble = "the answer contradicts itself: \(contradiction)"
            facts.runtime = document.state
            return forgetBuild(as: .unidentified)
        }
        let look = Look(sample, age: age)
        guard counts(look, policy: policy) else { return tooEarly(age) }
        telling.elapsed = document.elapsed(since: look.latest)
        count(
            BuildEvidence(document), runtime: document.runtime, instances: document.instances, look: look, judge: judge,
            policy: policy)
    }

    /// An answer of a host without an agent, which carries nothing that ties it to its request unless it echoes the nonce.
    private mutating func take(_ answer: PlainAnswer, sample: Sample, judge: BuildMatcher, policy: Policy) {
        if let id = host.id {
            trouble = "the inventory expects host id \(Sanitizer.singleLine(id, limit: 64)), and no agent answered"
            return forgetBuild(as: .unidentified)
        }
        if let service = answer.service, service != judge.target.service {
            trouble =
                "answers for the service '\(Sanitizer.singleLine(service, limit: 64))', not for '\(judge.target.service)': "
                + "check the inventory's URL"
            return forgetBuild(as: .unidentified)
        }
        if let defect = answer.defect {
            trouble = "the answer cannot be used: \(defect)"
            return forgetBuild(as: .unidentified)
        }
        var isNew = true
        if answer.nonce == nil {
            var stored = answer.stored
            if let date = answer.date {
                switch plainClock.take(date, askedAt: sample.askedAt, answeredAt: sample.answeredAt) {
                case .plausible(let isOther): isNew = isOther
                case .ahead: proof = nil
                case .stored: stored = stored ?? "its Date does not advance"
                }
            }
            if let stored {
                trouble =
                    "a cache may have answered for the host (\(stored)): exclude this path from caching, or ask the host itself"
                return forgetBuild(as: .unidentified)
            }
        }
        let age = Duration(clampingSeconds: answer.ageSeconds ?? 0)
        if age > Policy.maximumAge {
            trouble = "the answer is \(age.brief) old by its own account: a cache answers for the host"
            return forgetBuild(as: .unidentified)
        }
        let look = Look(sample, age: age)
        guard counts(look, policy: policy) else { return tooEarly(age) }
        // A stored answer's Date cannot tell an age that is smaller than its own coarseness.
        let mayPredateStart =
            answer.nonce == nil && answer.date != nil && look.earliest < .milliseconds(PlainClock.coarseness)
        count(
            BuildEvidence(answer), runtime: answer.state ?? .serving, instances: [], look: look, isNew: isNew,
            mayPredateStart: mayPredateStart && !policy.countsEarlierEvidence,
            judge: judge, policy: policy)
    }

    /// Whether a look may be one from after the start. Agents round ages up to whole milliseconds, so that a look seems a
    /// little earlier than it was. A proof asks for more: see ``extendProof(_:fingerprint:look:isNew:policy:)``.
    private func counts(_ look: Look, policy: Policy) -> Bool {
        look.latest + Policy.ageRounding >= .zero || policy.countsEarlierEvidence
    }

    /// An answer from before the start says nothing about what was promoted, but the host is there. Where a later look was
    /// counted already, it is that one seen less exactly, and changes nothing.
    private mutating func tooEarly(_ age: Duration) {
        guard factMoment == nil else { return }
        blindness = .predatesStart
        earlyAge = age
        trouble = "asking again: this answer is from before the verification began (its look was \(age.brief) old)"
        forgetBuild()
    }

    /// A usable answer: from here on, facts are facts.
    private mutating func count(
        _ evidence: BuildEvidence, runtime: ServiceState, instances: [Instance], look: Look, isNew: Bool = true,
        mayPredateStart: Bool = false, judge: BuildMatcher, policy: Policy
    ) {
        let moment = look.latest
        let assessment = judge.assess(evidence)
        let wasMatch = lastWasMatch ?? false
        self.evidence = evidence
        self.assessment = assessment
        facts.build = assessment.fact
        facts.runtime = runtime
        factMoment = moment

        let isMatch = assessment.fact.isMatch
        let fingerprint = instances.map {
            InstanceFingerprint(id: $0.id, startedAt: $0.startedAt, restartCount: $0.restartCount)
        }.sorted { $0.id < $1.id }
        if isMatch, !instances.isEmpty {
            _ = history.take(instances, at: moment, window: Self.disturbanceWindow(policy))
        } else if runtime == .absent {
            history.tookNothing()
        } else if evidence.instances.contains(where: \.isRunning) {
            history.left()
            isLooping = false
        }
        if lastWasMatch != nil, isMatch != wasMatch { matchEdges.append(moment) }
        trim(at: moment, policy: policy)
        extendProof(
            isMatch && runtime == .serving && !mayPredateStart, fingerprint: fingerprint, look: look, isNew: isNew,
            policy: policy)
        self.fingerprint = fingerprint
        lastWasMatch = isMatch
        everMatched = everMatched || isMatch
        countRepeats(runtime: runtime, instances: instances, at: moment, policy: policy)
        let hasCrashed = failing >= policy.failAfter && (runtime == .restarting || runtime == .exited)
        if isMatch, history.loop != nil || hasCrashed { isLooping = true }
        if let proof, proof.answers >= 2, proof.span >= policy.soak {
            history.soaked()
            isLooping = false
        }
    }

    private mutating func extendProof(
        _ proves: Bool, fingerprint: [InstanceFingerprint], look: Look, isNew: Bool, policy: Policy
    ) {
        // A slow answer may rest on a look from before the start, although it says otherwise.
        guard proves, look.earliest >= .zero || policy.countsEarlierEvidence else {
            proof = nil
            return
        }
        guard var run = proof, fingerprint == self.fingerprint, look.latest - run.latest.latest <= policy.freshness
        else {
            proof = Proof(look)
            return
        }
        // Two answers that may rest on one look at the engine are one piece of evidence.
        if isNew, look.earliest > run.latest.latest {
            run.latest = look
            run.answers += 1
        }
        proof = run
    }

    /// Counts answers in a row that show a failed deploy, or a build that went back. Only different looks count.
    private mutating func countRepeats(
        runtime: ServiceState, instances: [Instance], at moment: Duration, policy: Policy
    ) {
        let isFailing = showsFailure(runtime: runtime, instances: instances)
        // A stopped container of another build is what a gap in a crash loop leaves to see: nothing went back to it.
        let isBack = everMatched && [.behind, .foreign].contains(facts.build) && runtime != .exited
        if !isFailing { failing = 0 }
        if !isBack { goneBack = 0 }
        guard isFailing || isBack else {
            repeatMoment = nil
            return
        }
        let resolution = min(.milliseconds(100), policy.interval / 2)
        if let last = repeatMoment, moment - last < resolution { return }
        repeatMoment = moment
        if isFailing { failing += 1 }
        if isBack { goneBack += 1 }
    }

    private func showsFailure(runtime: ServiceState, instances: [Instance]) -> Bool {
        switch facts.build {
        // What the registry is still asked about is not decided.
        case .digestWrong: assessment?.detail != .learning
        case .shaWrong: true
        case let build where build.isMatch:
            switch runtime {
            case .restarting, .paused: true
            case .exited: instances.isEmpty || instances.contains { isNewFailure($0, among: instances) }
            case .unhealthy: !instances.contains(where: \.isUnhealthy) || instances.contains(where: isSick)
            case .serving: false
            case .starting, .absent, .unknown: instances.contains { $0.oomKilled == true }
            }
        default: false
        }
    }

    /// Whether a stopped instance is one that failed.
    ///
    /// One that never started waits for something. An agent that tells instances from leftovers and one-offs is believed.
    /// Older ones list all that matches: beside others that run, one that ended with 0 before the verification began, and
    /// did nothing since, may have been started for one command. It proves nothing, and is no reason to roll back. By the
    /// host's own clock, which may be wrong by any amount, only spans are taken.
    private func isNewFailure(_ instance: Instance, among instances: [Instance]) -> Bool {
        guard instance.state == .exited else { return instance.state == .restarting }
        if telling.engine != nil, instance.startedAt == nil, (instance.exitCode ?? 0) == 0 { return false }
        guard !telling.separatesInstances, (instance.exitCode ?? 0) == 0,
            instances.contains(where: { $0.state != .exited })
        else { return true }
        return history.isNews(instance) || telling.startedSince(instance)
    }

    /// Whether an unhealthy instance is so by a check of its present run: some engines keep the last run's result.
    private func isSick(_ instance: Instance) -> Bool {
        instance.isUnhealthy && history.hasDecided(instance)
    }

    private mutating func trim(at moment: Duration, policy: Policy) {
        matchEdges.removeAll { moment - $0 > policy.flappingWindow }
    }

    /// The soak; but never so short that two successive answers could not fall into it.
    private static func disturbanceWindow(_ policy: Policy) -> Duration {
        max(policy.soak, policy.interval * 2 + .milliseconds(500))
    }

    private mutating func forgetBuild(as build: BuildFact = .unknown) {
        facts.build = build
        if build == .unknown { facts.runtime = .unknown }
        evidence = nil
        assessment = nil
        factMoment = nil
        proof = nil
    }

    /// Judges the last evidence again, because the list of promotions grew.
    mutating func reassess(_ judge: BuildMatcher) {
        guard let evidence else { return }
        let assessment = judge.assess(evidence)
        self.assessment = assessment
        facts.build = assessment.fact
    }

    /// Whether the last answer says that an instance runs this digest.
    package func serves(_ digest: Digest) -> Bool {
        evidence?.instances.contains { $0.registryDigests.contains(digest) } ?? false
    }

    /// Another host turned out to have the same id. What this host said first stays: if that was the other's id, nobody
    /// can tell its own from a third one's, and it stays in conflict.
    mutating func markDuplicate(of twin: Twin) {
        facts.identity = .duplicate
        self.twin = twin
        forgetBuild()
    }

    // MARK: - Identity

    /// The host id that a sample rightly claims for this host; nil where it is another host's answer, or has no id.
    func claimedID(_ sample: Sample) -> String? {
        guard case .document(let document) = sample.finding,
            identify(document, nonce: sample.nonce, isDuplicate: false) == .expected
        else { return nil }
        return document.host.id
    }

    private func identify(_ document: Document, nonce: String, isDuplicate: Bool) -> IdentityFact {
        if document.nonce != nonce { return .replayed }
        if let expected = host.id, expected != document.host.id { return .wrongHost }
        if let first = firstID, first != document.host.id { return .wrongHost }
        return isDuplicate ? .duplicate : .expected
    }

    private func identify(_ answer: PlainAnswer, nonce: String) -> IdentityFact {
        if let echoed = answer.nonce, echoed != nonce { return .replayed }
        return firstID == nil ? .unknown : .wrongHost
    }
}
