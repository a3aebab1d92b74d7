import Shared

/// What is known of one host, folded from its samples in their order.
///
/// Pure: every time comes in as an offset from the verification's start. ``Verification`` owns one for each host.
struct HostTrack: Sendable {
    let host: ExpectedHost
    /// The service that was asked for.
    let serviceName: String
    var facts = HostFacts()
    var label = HostLabel.pending
    var transitions: [Transition] = []
    /// Requests that ended, whatever came of them.
    private(set) var attempts = 0
    /// When the request that is under way was asked; nil when none is.
    private(set) var outstanding: Duration?
    /// When the first request was asked.
    private(set) var firstAskedAt: Duration?
    /// When the last answer of any kind arrived.
    private(set) var lastAnswerAt: Duration?
    /// Why there is no usable answer, or nil where there is one. One clean line.
    private(set) var trouble: String?
    /// The last usable answer, in what is comparable and what is worth telling.
    private(set) var evidence: BuildEvidence?
    private(set) var assessment: BuildAssessment?
    private(set) var telling = Telling()
    /// The unbroken run of proving answers, if the last counted one proved.
    private(set) var proof: Proof?
    /// When the present run of silence began: the asking of its first request. nil while the host answers.
    private(set) var silentSince: Duration?
    /// The last answer that was not this host's, and when it came.
    private(set) var lastConflict: (identity: IdentityFact, at: Duration)?
    /// The host answered at least once.
    private(set) var hasAnswered = false
    /// The id that the host first gave in this verification.
    private(set) var firstID: String?
    /// Why the last answer brought no fact, where it came from an agent.
    private(set) var blindness = Blindness.none
    /// The inventory's source does not list the host any more.
    var isMissing = false

    /// The moment of the last counted fact: when its source was looked at.
    private(set) var factMoment: Duration?
    private var fingerprint: [InstanceFingerprint]?
    private(set) var everMatched = false
    private var lastWasMatch: Bool?
    private(set) var matchEdges: [Duration] = []
    private(set) var disturbances: [Duration] = []
    private(set) var failing = 0
    private(set) var goneBack = 0
    private var repeatMoment: Duration?

    init(host: ExpectedHost, service: String) {
        self.host = host
        serviceName = service
    }

    // MARK: - Folding

    mutating func asked(at moment: Duration) {
        outstanding = moment
        firstAskedAt = firstAskedAt ?? moment
    }

    /// Takes one sample in.
    ///
    /// - Parameter isDuplicate: whether another host of the inventory gave this sample's host id.
    mutating func observe(_ sample: Sample, isDuplicate: Bool, judge: BuildJudge, policy: Policy) {
        attempts += 1
        outstanding = nil
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
            facts.identity = identify(document, nonce: sample.nonce, isDuplicate: isDuplicate)
            guard !facts.identity.isConflict else { return conflicted(at: sample.answeredAt) }
            firstID = firstID ?? document.host.id
            take(document, sample: sample, judge: judge, policy: policy)
        case .plain(let answer):
            answered(sample)
            facts.identity = identify(answer, nonce: sample.nonce)
            guard !facts.identity.isConflict else { return conflicted(at: sample.answeredAt) }
            telling = Telling(hasHealthCheck: false)
            guard host.id == nil else {
                trouble =
                    "the inventory expects host id \(Hygiene.line(host.id ?? "", limit: 64)), and no agent answered"
                return forgetBuild(as: .unidentified)
            }
            count(
                BuildEvidence(answer), runtime: .serving, instances: [], look: Look(sample), judge: judge,
                policy: policy)
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

    private mutating func take(_ document: Document, sample: Sample, judge: BuildJudge, policy: Policy) {
        let age = Duration(clampingSeconds: document.ageSeconds)
        guard age >= .zero else {
            blindness = .sourceUnreadable
            trouble = "the agent's age_seconds is below zero, so that nobody can tell when it looked"
            return forgetBuild()
        }
        guard document.state != .unknown else {
            blindness = .sourceUnreadable
            trouble =
                document.reason.map { "the agent cannot tell: \(Hygiene.line($0, limit: 200))" }
                ?? "the agent cannot read its source"
            return forgetBuild()
        }
        guard age <= Policy.maximumAge else {
            blindness = .sourceUnreadable
            trouble = "the agent lost its engine: its last look is \(age.brief) old"
            return forgetBuild()
        }
        guard document.service == judge.target.service else {
            let other = Hygiene.line(document.service, limit: 64)
            trouble = "answers for the service '\(other)', not for '\(judge.target.service)': check the inventory's URL"
            facts.runtime = document.state
            return forgetBuild(as: .unidentified)
        }
        let look = Look(sample, age: age)
        guard look.latest >= .zero || policy.countsEarlierEvidence else {
            blindness = .predatesStart
            // It says nothing about what was promoted, but the host is there.
            trouble = "answered from a look \(age.brief) old, before this verification began"
            return forgetBuild()
        }
        count(
            BuildEvidence(document), runtime: document.runtime, instances: document.instances, look: look, judge: judge,
            policy: policy)
    }

    /// A usable answer: from here on, facts are facts.
    private mutating func count(
        _ evidence: BuildEvidence, runtime: ServiceState, instances: [Instance], look: Look, judge: BuildJudge,
        policy: Policy
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
        if isMatch, wasMatch, let before = self.fingerprint, before.isDisturbed(by: fingerprint) {
            disturbances.append(moment)
        }
        if lastWasMatch != nil, isMatch != wasMatch { matchEdges.append(moment) }
        trim(at: moment, policy: policy)
        extendProof(isMatch && runtime == .serving, fingerprint: fingerprint, look: look, policy: policy)
        self.fingerprint = fingerprint
        lastWasMatch = isMatch
        everMatched = everMatched || isMatch
        countRepeats(runtime: runtime, instances: instances, at: moment, policy: policy)
    }

    private mutating func extendProof(
        _ proves: Bool, fingerprint: [InstanceFingerprint], look: Look, policy: Policy
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
        if look.earliest > run.latest.latest {
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
        let isBack = everMatched && [.behind, .foreign].contains(facts.build)
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
            case .restarting, .exited, .unhealthy, .paused: true
            case .serving: false
            case .starting, .absent, .unknown: instances.contains { $0.oomKilled == true }
            }
        default: false
        }
    }

    private mutating func trim(at moment: Duration, policy: Policy) {
        matchEdges.removeAll { moment - $0 > policy.flappingWindow }
        disturbances.removeAll { moment - $0 > Self.disturbanceWindow(policy) }
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
    mutating func reassess(_ judge: BuildJudge) {
        guard let evidence else { return }
        let assessment = judge.assess(evidence)
        self.assessment = assessment
        facts.build = assessment.fact
    }

    /// Whether the last answer says that an instance runs this digest.
    func serves(_ digest: Digest) -> Bool {
        evidence?.instances.contains { $0.registryDigests.contains(digest) } ?? false
    }

    /// Another host turned out to have the same id. What this host said first stays: if that was the other's id, nobody
    /// can tell its own from a third one's, and it stays in conflict.
    mutating func markDuplicate() {
        facts.identity = .duplicate
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
