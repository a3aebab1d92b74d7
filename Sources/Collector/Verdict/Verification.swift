package import Shared

/// From samples and a clock to labels and a verdict: the one place where it is decided.
///
/// A pure state machine. It does no I/O, reads no clock and holds no global state: samples, the time, newer promotions and
/// an interruption come in; ``Action``s come out, for a thin shell to carry out. So a recorded run replays to the same
/// verdict, and tests can run any number of made-up fleets through it. All times are since the verification's start.
package struct Verification: Sendable {
    package let target: Target
    package let policy: Policy
    package private(set) var tracks: [HostTracker]
    /// In order of their generation, up to the newest that is known.
    package private(set) var promotions: [Promotion]
    /// Set once, at the end; nothing changes any more after it.
    package private(set) var conclusion: Conclusion?
    /// How many hosts of the gate have each status.
    package private(set) var counts: [HostStatus: Int]
    /// Hosts that the gate is about: all but the waived ones.
    package let expected: Int
    /// What may fail or stay behind, and what must not.
    package private(set) var allowance: ToleranceBudget
    /// What the promoted tag is instead of the target; nil where nobody is known to have moved it.
    private(set) var movedTag: RetaggedImage?
    /// What is known of digests that hosts serve and that are not the promoted one.
    package private(set) var lessons: DigestLookups

    /// For every host the id that its latest answer claimed, and for every id the hosts that claim it.
    private var claims: [Int: String] = [:]
    private var claimants: [String: [Int]] = [:]
    /// Whose each id is that the inventory names.
    private let owners: [String: Set<Int>]
    private var lastChange = Duration.zero
    /// When facts were last looked through for stale ones.
    package private(set) var lastStaleCheck = Duration.zero
    /// Whether the target's tag is watched, so that no green end comes without a look at it.
    private let watchesTag: Bool
    /// Since when nothing but a look at the tag is waited for, and when the last one began.
    private var tagAwaitedSince: Duration?
    private var tagSeenAt: Duration?
    private var isLateLookWanted = false
    private var answeredOnce = 0
    private var heard = 0

    /// What the shell has to do.
    package enum Action: Hashable, Sendable {
        /// Ask the host at this time (or at once, if it has passed).
        case ask(host: Int, at: Duration)
        case changed(host: Int, HostTracker.Transition)
        /// Ask the registry what this digest is, and say so by ``Input/learned(_:at:)``, whatever comes of it.
        case learn(Digest)
        /// Look at the promoted tag, and say so by ``Input/tagSeen(lookedAt:at:)`` or ``Input/moved(_:at:)``, as far as the
        /// registry says anything.
        case lookAtTag
        case concluded(Conclusion)
    }

    /// Why a verification ends.
    package enum Ending: Hashable, Sendable {
        case everyHostProven, tooManyFailed, deadline, stall
        /// What is not proven is tolerated, and has been out of reach or failed through a whole soak.
        case restTolerated
        case superseded
        /// By a signal; the exit code is 128 and its number.
        case interrupted(signal: Int32)

        /// Whether nobody waits any longer for hosts that are not there yet.
        package var isOver: Bool {
            switch self {
            case .deadline, .stall, .restTolerated: true
            case .everyHostProven, .tooManyFailed, .superseded, .interrupted: false
            }
        }
    }

    /// - Parameters:
    ///   - hosts: the frozen inventory, names unique; at least one that is not waived.
    ///   - promotions: the ledger's, oldest first, this one included; empty without a ledger.
    ///   - learnsImages: whether somebody carries out ``Action/learn(_:)``.
    ///   - watchesTag: whether somebody carries out ``Action/lookAtTag``.
    package init(
        target: Target, hosts: [ExpectedHost], policy: Policy, promotions: [Promotion] = [], learnsImages: Bool = false,
        watchesTag: Bool = false
    ) {
        self.watchesTag = watchesTag
        self.target = target
        self.policy = policy
        self.promotions = promotions
        tracks = hosts.map { HostTracker(host: $0, service: target.service) }
        owners = Dictionary(
            hosts.enumerated().compactMap { index, host in host.id.map { ($0, [index]) } },
            uniquingKeysWith: { $0.union($1) })
        expected = hosts.count { !$0.isWaived }
        counts = [.pending: expected]
        allowance = ToleranceBudget(policy: policy, hosts: hosts)
        lessons = DigestLookups(isPossible: learnsImages && target.content != nil)
    }

    private var judge: BuildMatcher { BuildMatcher(target: target, promotions: promotions, lessons: lessons) }

    /// The hosts that are proven at this moment, of those that the gate is about.
    package func proven(at now: Duration) -> Int {
        // By index: a copy of a track costs more than the question.
        tracks.indices.count { !tracks[$0].host.isWaived && tracks[$0].isProven(at: now, policy: policy) }
    }

    /// Whether every host was asked at least once, and no request is under way.
    package var isEveryHostAsked: Bool { answeredOnce == tracks.count }

    /// Whether every host answered from after the start, or had the time for it: what hosts said before says nothing of how
    /// far the fleet has come.
    private var isEveryHostHeard: Bool { heard == tracks.count }

    // MARK: - Events

    /// Starts: every host is to be asked at once.
    package mutating func start() -> [Action] {
        tracks.indices.map { .ask(host: $0, at: .zero) }
    }

    /// A request to the host is on its way.
    package mutating func asked(_ host: Int, at moment: Duration) {
        tracks[host].asked(at: moment)
    }

    package mutating func observe(_ sample: Sample) -> [Action] {
        guard conclusion == nil else { return [] }
        let wasOK = tracks[sample.host].facts.reach == .ok
        if tracks[sample.host].attempts == 0 { answeredOnce += 1 }
        var actions: [Action] = []
        let twin = claim(sample, actions: &actions)
        let wasHeard = tracks[sample.host].isHeard
        tracks[sample.host].observe(sample, twin: twin, judge: judge, policy: policy)
        if !wasHeard, tracks[sample.host].isHeard { heard += 1 }
        if lessons.isPossible, let evidence = tracks[sample.host].evidence {
            actions += lessons.ask(for: judge.unanswered(evidence)).map(Action.learn)
        }
        updateStatus(sample.host, at: sample.answeredAt, isFinal: false, actions: &actions)
        concludeIfDecided(at: sample.answeredAt, actions: &actions)
        concludeIfSuperseded(at: sample.answeredAt, actions: &actions)
        if conclusion == nil {
            actions.append(.ask(host: sample.host, at: nextAsk(after: sample, wasOK: wasOK)))
        }
        return actions
    }

    /// Time passes: facts grow stale, the deadline comes, the fleet stalls.
    mutating func advance(to now: Duration) -> [Action] {
        guard conclusion == nil else { return [] }
        var actions: [Action] = []
        if now >= policy.timeout {
            conclude(.deadline, at: now, actions: &actions)
            return actions
        }
        if now - lastStaleCheck >= min(.milliseconds(500), policy.interval) {
            lastStaleCheck = now
            for host in tracks.indices where tracks[host].isStale(at: now, policy: policy) {
                updateStatus(host, at: now, isFinal: false, actions: &actions)
            }
        }
        if watchesTag, !isLateLookWanted, now >= policy.timeout - Self.lateLook {
            // What is tolerated at the deadline is green, too.
            isLateLookWanted = true
            actions.append(.lookAtTag)
        }
        concludeIfDecided(at: now, actions: &actions)
        concludeIfRestIsTolerated(at: now, actions: &actions)
        // A host that soaks makes progress, although its status stays.
        if conclusion == nil, now - lastChange >= policy.stall, counts[.soaking, default: 0] == 0,
            isTagSeen(at: now, actions: &actions)
        {
            conclude(.stall, at: now, actions: &actions)
        }
        return actions
    }

    /// The ledger knows more promotions than before.
    package mutating func learn(promotions: [Promotion], at now: Duration) -> [Action] {
        guard conclusion == nil, promotions != self.promotions else { return [] }
        self.promotions = promotions
        var actions: [Action] = []
        for host in tracks.indices {
            tracks[host].reassess(judge)
            updateStatus(host, at: now, isFinal: false, actions: &actions)
        }
        concludeIfSuperseded(at: now, actions: &actions)
        return actions
    }

    /// The registry told about a digest, or could not.
    package mutating func learn(_ image: DigestLookup, at now: Duration) -> [Action] {
        guard conclusion == nil, lessons.pending.contains(image.digest) else { return [] }
        lessons.take(image)
        var actions: [Action] = []
        for host in tracks.indices where tracks[host].serves(image.digest) {
            tracks[host].reassess(judge)
            updateStatus(host, at: now, isFinal: false, actions: &actions)
        }
        return actions
    }

    /// The tag that the target was promoted under is another build, or is what it was again.
    package mutating func learn(moved tag: RetaggedImage?, at now: Duration) -> [Action] {
        guard conclusion == nil else { return [] }
        movedTag = tag
        tagAwaitedSince = nil
        var actions: [Action] = []
        concludeIfSuperseded(at: now, actions: &actions)
        return actions
    }

    /// The tag was looked at, and is what was promoted. Time, which passes next, concludes what waited for it.
    mutating func see(tagAt moment: Duration) -> [Action] {
        tagSeenAt = max(tagSeenAt ?? moment, moment)
        return []
    }

    /// The inventory's source was read again; hosts that it lost are `missing` once they do not answer.
    package mutating func learn(listed names: Set<String>, at now: Duration) -> [Action] {
        guard conclusion == nil else { return [] }
        var actions: [Action] = []
        for host in tracks.indices {
            tracks[host].isMissing = !names.contains(tracks[host].host.name)
            updateStatus(host, at: now, isFinal: false, actions: &actions)
        }
        return actions
    }

    mutating func interrupt(signal: Int32, at now: Duration) -> [Action] {
        guard conclusion == nil else { return [] }
        var actions: [Action] = []
        conclude(.interrupted(signal: signal), at: now, actions: &actions)
        return actions
    }

    // MARK: - Inside

    /// A promotion that came after the target's.
    package var successor: Promotion? {
        guard let generation = target.generation, let last = promotions.last, last.generation > generation else {
            return nil
        }
        return last
    }

    /// Registers the id that a sample claims; the other host that claims it too, or that the inventory says it belongs to:
    /// that one may be out of reach, and so claim nothing. nil where there is none.
    ///
    /// A host that was answered for by another gives the id back with its first answer of its own: a blip is no conflict.
    private mutating func claim(_ sample: Sample, actions: inout [Action]) -> HostTracker.Twin? {
        guard let id = tracks[sample.host].claimedID(sample) else { return nil }
        if claims[sample.host] != id {
            if let before = claims.updateValue(id, forKey: sample.host) {
                claimants[before]?.removeAll { $0 == sample.host }
            }
            claimants[id, default: []].append(sample.host)
        }
        let others = (claimants[id] ?? []).filter { $0 != sample.host }
        if !others.isEmpty {
            var boot: String?
            if case .document(let document) = sample.finding { boot = document.host.bootID }
            let twin = HostTracker.Twin(name: tracks[sample.host].host.name, bootID: boot)
            for other in others where tracks[other].facts.identity != .duplicate {
                tracks[other].markDuplicate(of: twin)
                updateStatus(other, at: sample.answeredAt, isFinal: false, actions: &actions)
            }
        }
        let owner = owners[id].flatMap { $0.contains(sample.host) ? nil : $0.min() }
        return (others.first ?? owner).map { twin(of: $0, id: id) }
    }

    private func twin(of host: Int, id: String) -> HostTracker.Twin {
        // Whose last answer had another id did not say in which boot it has this one.
        let isSaid = tracks[host].telling.hostID == id
        return HostTracker.Twin(name: tracks[host].host.name, bootID: isSaid ? tracks[host].telling.bootID : nil)
    }

    private mutating func updateStatus(_ host: Int, at now: Duration, isFinal: Bool, actions: inout [Action]) {
        let before = tracks[host].status
        guard let transition = tracks[host].updateStatus(at: now, isFinal: isFinal, policy: policy) else { return }
        actions.append(.changed(host: host, transition))
        guard transition.status != before else { return }
        guard !tracks[host].host.isWaived else { return }
        lastChange = max(lastChange, now)
        counts[before, default: 0] -= 1
        counts[transition.status, default: 0] += 1
        allowance.move(host, from: before, to: transition.status)
    }

    private mutating func concludeIfDecided(at now: Duration, actions: inout [Action]) {
        if allowance.isBrokenByFailures {
            conclude(.tooManyFailed, at: now, actions: &actions)
        } else if movedTag == nil, expected > 0, counts[.converged, default: 0] == expected,
            proven(at: now) == expected,
            isTagSeen(at: now, actions: &actions)
        {
            conclude(.everyHostProven, at: now, actions: &actions)
        }
    }

    /// A newer promotion ends it as soon as every host was asked afresh, so that the end can tell how far the fleet has come.
    private mutating func concludeIfSuperseded(at now: Duration, actions: inout [Action]) {
        // A look around ends when it has seen every host, and gates nothing.
        guard conclusion == nil, successor != nil || movedTag?.isSettled == true, isEveryHostAsked,
            !policy.countsEarlierEvidence
        else { return }
        guard isEveryHostHeard else { return }
        conclude(.superseded, at: now, actions: &actions)
    }

    /// Ends early where nothing is left to wait for but hosts that are tolerated as they are.
    ///
    /// Dead hosts must not cost the whole timeout. A host that is merely behind may still arrive, or fail, and is waited
    /// for until the deadline, tolerated or not.
    private mutating func concludeIfRestIsTolerated(at now: Duration, actions: inout [Action]) {
        // By the counts alone first: this is asked on every turn, of fleets of any size.
        let converged = counts[.converged, default: 0]
        guard conclusion == nil, movedTag == nil, converged > 0, converged < expected, allowance.holdsWithoutTheRest,
            converged >= policy.minProven.limit(of: expected),
            tracks.allSatisfy({ $0.host.isWaived || $0.status == .converged || $0.isSettled(at: now, policy: policy) }),
            proven(at: now) == converged, isTagSeen(at: now, actions: &actions)
        else { return }
        conclude(.restTolerated, at: now, actions: &actions)
    }

    /// So long an end waits for a look at the tag: a registry that does not answer changes no verdict.
    private static let tagPatience = Duration.seconds(2)
    /// So long before the deadline the tag is looked at once more.
    private static let lateLook = Duration.milliseconds(500)

    /// Whether the tag was looked at since nothing else is waited for, or cannot be. Asks for the look where it was not.
    ///
    /// The watch looks only now and then: without this, what was put back between its last look and the last proof would
    /// end green.
    private mutating func isTagSeen(at now: Duration, actions: inout [Action]) -> Bool {
        guard watchesTag else { return true }
        if let since = tagAwaitedSince, since >= lastChange {
            return tagSeenAt.map { $0 >= since } ?? false || now - since >= Self.tagPatience
        }
        tagAwaitedSince = max(now, lastChange)
        actions.append(.lookAtTag)
        return false
    }

    private mutating func conclude(_ ending: Ending, at now: Duration, actions: inout [Action]) {
        let isFinal = ending.isOver
        for host in tracks.indices {
            updateStatus(host, at: now, isFinal: isFinal, actions: &actions)
        }
        let conclusion = VerdictRules(self, at: now).conclude(ending)
        self.conclusion = conclusion
        actions.append(.concluded(conclusion))
    }

    /// When to ask a host again: an interval after the last time, and sooner where an answer can settle something.
    private func nextAsk(after sample: Sample, wasOK: Bool) -> Duration {
        let regular = max(sample.askedAt + policy.interval, sample.answeredAt + .milliseconds(10))
        let soonest = min(regular, sample.answeredAt + min(policy.interval, .milliseconds(250)))
        let host = sample.host
        if tracks[host].status == .soaking, let span = tracks[host].proof?.span, span < policy.soak {
            // Right when the soak can be over.
            return min(regular, max(soonest, sample.answeredAt + policy.soak - span))
        }
        // A host that just fell silent: a lost packet, or more?
        let fellSilent = wasOK && tracks[host].facts.reach != .ok
        if tracks[host].blindness == .predatesStart {
            // An agent looks again as soon as its look is older than this: no sooner, and it need not be asked before.
            let age = tracks[host].earlyAge
            guard age < Policy.agentPause else { return soonest }
            return min(regular, sample.answeredAt + Policy.agentPause - age + .milliseconds(10))
        }
        if tracks[host].status == .soaking || fellSilent { return soonest }
        return regular
    }
}
