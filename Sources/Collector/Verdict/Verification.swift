package import Shared

/// Derives host statuses and a verdict from samples and time: the only place where they are decided.
///
/// A pure state machine with one entry point, ``take(_:)``. It does no I/O, reads no clock and has no global state: inputs
/// go in, ``Action``s come out, and a thin shell performs them. A recorded run therefore replays to the same verdict, and
/// tests can run any simulated fleet through it. All times are since the verification's start.
package struct Verification: Sendable {
    package let target: Target
    package let policy: Policy
    /// The policy with the interval that is really kept.
    package private(set) var timing: Policy { didSet { renewRules() } }
    /// The longest interval that was kept.
    package private(set) var longestInterval: Duration
    /// The times in which the collector did not run.
    package private(set) var suspensions = Suspensions() { didSet { renewRules() } }
    private var firstToCheck = 0
    /// One tracker per host, in the inventory's order.
    package private(set) var tracks: [HostTracker]

    /// Reads a tracker in place. An array's element is copied before one of its methods is called, which takes longer than
    /// most of them.
    package func withTrack<Value>(_ host: Int, _ read: (HostTracker) -> Value) -> Value {
        tracks.withUnsafeBufferPointer { read($0[host]) }
    }

    /// Sorted by generation, up to the newest known one.
    package private(set) var promotions: [Promotion] { didSet { renewRules() } }
    /// Set once, at the end. Nothing changes afterwards.
    package private(set) var conclusion: Conclusion?
    /// The number of hosts in the gate with each status.
    package private(set) var counts: [HostStatus: Int]
    /// The number of hosts in the gate: all but the waived ones.
    package let expected: Int
    /// The limits on exceptions, and the requirements.
    private(set) var budget: ToleranceBudget
    /// The promoted tag's present image; nil if it is the target as far as is known.
    private(set) var movedTag: RetaggedImage?
    /// The registry's answers about digests that hosts serve and that are not the promoted one.
    package private(set) var lookups: DigestLookups { didSet { renewRules() } }

    /// What samples are judged by, from the properties above.
    private var rules: HostTracker.Rules
    private var shared: SharedValues
    /// The id that each host's latest answer claimed, and the hosts that claim each id.
    private var claims: [String?]
    private var claimants: [String: ClaimingHosts] = [:]
    /// The hosts that the inventory assigns each id to.
    private let owners: [String: ClaimingHosts]
    private var lastChange = Duration.zero
    /// The time of the last check for stale facts.
    package private(set) var lastStaleCheck = Duration.zero
    /// True if the target's tag is watched, so that no verification ends green without reading it.
    private let watchesTag: Bool
    private let purpose: Purpose
    /// The time since which only a reading of the tag is missing, and the start of the last reading.
    private var tagAwaitedSince: Duration?
    private var tagSeenAt: Duration?
    private var isLastTagReadingRequested = false
    /// The time of each host's last counted observation. Apart from the trackers, so that a check of the whole fleet for
    /// stale facts reads little memory.
    private var observedAt: [Duration?]
    private var answeredOnce = 0
    private var heard = 0

    /// What a verification is for, which decides how it ends.
    private enum Purpose: Hashable, Sendable {
        /// A verdict about a promotion.
        case verdict
        /// The last answer of each host.
        case sweep
        /// The present statuses. From `lateFrom` on, a host that is behind is a straggler.
        case standing(lateFrom: Duration)

        var isStanding: Bool { if case .standing = self { true } else { false } }
    }

    /// An input of the verification. All decisions follow from the inputs and their order, so a list of them is a recording
    /// that replays to the same statuses and verdict.
    package enum Input: Hashable, Sendable {
        case started
        /// Requests to these hosts were sent.
        case asked([Int], at: Duration)
        case sample(Sample)
        /// Time passes.
        case time(Duration)
        /// The shell kept this time between two requests to a host: the policy's interval, or more if the fleet is larger than
        /// the machine can query within it.
        case paced(interval: Duration, at: Duration)
        /// The collector did not run. Reported before anything that happened since, and before the time has passed.
        case suspended(Suspension)
        /// The service's promotions in the ledger, read again.
        case promotions([Promotion], at: Duration)
        /// The names that the inventory's source lists now.
        case listed(Set<String>, at: Duration)
        /// The registry's answer about a requested digest.
        case learned(DigestLookup, at: Duration)
        /// The promoted tag's new image; nil if it is the target again.
        case moved(RetaggedImage?, at: Duration)
        /// A requested reading of the promoted tag, which began at `lookedAt` and found the target.
        case tagSeen(lookedAt: Duration, at: Duration)
        case signal(Int32, at: Duration)
    }

    /// A task for the shell.
    package enum Action: Hashable, Sendable {
        /// Query the host at this time, or at once if it has passed.
        case ask(host: Int, at: Duration)
        case changed(host: Int, HostTracker.Transition)
        /// Query the registry about this digest, and report any outcome as ``Input/learned(_:at:)``.
        case learn(Digest)
        /// Read the promoted tag, and report it as ``Input/tagSeen(lookedAt:at:)`` or ``Input/moved(_:at:)`` if the registry
        /// answers.
        case lookAtTag
        case concluded(Conclusion)
    }

    /// The reason that a verification ends.
    enum Ending: Hashable, Sendable {
        case everyHostProven, tooManyFailed, deadline, stall
        /// Only tolerated hosts are not proven, and they have been out of reach or failed for a whole soak.
        case restTolerated
        case superseded
        /// A signal ended it; the exit code is 128 plus its number.
        case interrupted(signal: Int32)

        /// True if hosts that have not converged are no longer waited for.
        var isOver: Bool {
            switch self {
            case .deadline, .stall, .restTolerated: true
            case .everyHostProven, .tooManyFailed, .superseded, .interrupted: false
            }
        }
    }

    /// - Parameters:
    ///   - hosts: the frozen inventory with unique names; at least one host is not waived.
    ///   - promotions: the ledger's promotions, oldest first, including this one; empty without a ledger.
    ///   - learnsImages: true if the shell performs ``Action/learn(_:)``.
    ///   - watchesTag: true if the shell performs ``Action/lookAtTag``.
    package init(
        target: Target, hosts: [ExpectedHost], policy: Policy, promotions: [Promotion] = [], learnsImages: Bool = false,
        watchesTag: Bool = false
    ) {
        self.init(
            target: target, hosts: hosts, policy: policy, promotions: promotions, learnsImages: learnsImages,
            watchesTag: watchesTag, purpose: .verdict)
    }

    /// Creates a sweep: one answer of each host, of any age. It proves nothing and never concludes by itself, except on a
    /// signal; see ``SweepRules``.
    ///
    /// - Parameter interval: how often the hosts are asked again; nil to ask each once.
    package init(
        sweeping hosts: [ExpectedHost], for target: Target, requestTimeout: Duration, every interval: Duration? = nil,
        promotions: [Promotion] = [], learnsImages: Bool = false
    ) {
        self.init(
            target: target, hosts: hosts, policy: .sweep(requestTimeout: requestTimeout, interval: interval),
            promotions: promotions,
            learnsImages: learnsImages, watchesTag: false, purpose: .sweep)
    }

    /// Creates a standing check: hosts are asked again and again, and their statuses follow from the answers by the rules of
    /// every verification, proof and freshness included. It never concludes by itself, so it ends no pipeline and is not
    /// recorded.
    ///
    /// - Parameters:
    ///   - target: the last promotion; without commit and digest, no host is compared with anything.
    ///   - policy: its limits on time and failures do not apply.
    ///   - lateFrom: the time since the start from which a host that is behind counts as a straggler. Before it, the promotion
    ///     is young, and the host is still expected to follow.
    package init(
        standing hosts: [ExpectedHost], for target: Target, policy: Policy, lateFrom: Duration = .zero,
        promotions: [Promotion] = []
    ) {
        self.init(
            target: target, hosts: hosts, policy: policy.standing, promotions: promotions, learnsImages: false,
            watchesTag: false, purpose: .standing(lateFrom: lateFrom))
    }

    private init(
        target: Target, hosts: [ExpectedHost], policy: Policy, promotions: [Promotion], learnsImages: Bool,
        watchesTag: Bool, purpose: Purpose
    ) {
        self.watchesTag = watchesTag
        self.purpose = purpose
        self.target = target
        self.policy = policy
        timing = policy
        longestInterval = policy.interval
        self.promotions = promotions
        shared = SharedValues(target: target)
        let sharedTarget = SharedTarget(target)
        tracks = hosts.map {
            HostTracker(host: $0, target: sharedTarget, acceptsSuccessor: purpose.isStanding)
        }
        claims = Array(repeating: nil, count: hosts.count)
        observedAt = Array(repeating: nil, count: hosts.count)
        owners = Dictionary(
            hosts.enumerated().compactMap { index, host in host.id.map { ($0, ClaimingHosts(index)) } },
            uniquingKeysWith: { $0.union($1) })
        expected = hosts.count { !$0.isWaived }
        counts = [.pending: expected]
        budget = ToleranceBudget(policy: policy, hosts: hosts)
        lookups = DigestLookups(isPossible: learnsImages && target.content != nil)
        rules = HostTracker.Rules(
            matcher: BuildMatcher(target: target, promotions: promotions, lookups: lookups), policy: policy,
            earliest: purpose == .sweep ? .zero - Policy.longestSweep : .zero)
    }

    private mutating func renewRules() {
        rules = HostTracker.Rules(
            matcher: BuildMatcher(target: target, promotions: promotions, lookups: lookups), policy: timing,
            earliest: rules.earliest, suspensions: suspensions)
        shared.forgetComparisons()
    }

    private var isSweep: Bool { purpose == .sweep }

    /// The number of hosts in the gate that are proven at this time.
    package func proven(at now: Duration) -> Int {
        tracks.indices.count { !tracks[$0].host.isWaived && isProven($0, at: now) }
    }

    /// True if the host is proven at this time, whether or not it is in the gate.
    func isProven(_ host: Int, at now: Duration) -> Bool {
        HostTracker.isProven(
            tracks[host].status, tracks[host].outcome, observedAt: observedAt[host], at: now, policy: timing)
    }

    /// True if every host was queried at least once and its request has ended.
    package var isEveryHostAsked: Bool { answeredOnce == tracks.count }

    /// True if every host answered with an observation after the start, or had enough time to. Earlier answers do not show
    /// the fleet's progress.
    private var isEveryHostHeard: Bool { heard == tracks.count }

    // MARK: - Inputs

    package mutating func take(_ input: Input) -> [Action] {
        guard conclusion == nil else { return [] }
        var actions: [Action] = []
        switch input {
        case .started: actions = tracks.indices.map { .ask(host: $0, at: .zero) }
        case .asked(let hosts, let moment):
            for host in hosts { tracks[host].asked(at: moment) }
        case .sample(let sample): observe(sample, actions: &actions)
        case .time(let now): advance(to: now, actions: &actions)
        case .paced(let interval, _): keep(interval)
        case .suspended(let suspension): resume(after: suspension)
        case .promotions(let promotions, let now): learn(promotions, at: now, actions: &actions)
        case .listed(let names, let now):
            for host in tracks.indices {
                tracks[host].setListed(names.contains(tracks[host].host.name))
                updateStatus(host, at: now, isFinal: false, actions: &actions)
            }
        case .learned(let lookup, let now): learn(lookup, at: now, actions: &actions)
        case .moved(let tag, let now):
            movedTag = tag
            tagAwaitedSince = nil
            concludeIfSuperseded(at: now, actions: &actions)
        // The next passage of time concludes what waited for this.
        case .tagSeen(let lookedAt, _): tagSeenAt = max(tagSeenAt ?? lookedAt, lookedAt)
        case .signal(let number, let now): conclude(.interrupted(signal: number), at: now, actions: &actions)
        }
        return actions
    }

    private mutating func observe(_ sample: Sample, actions: inout [Action]) {
        let host = sample.host
        if case .unusable = sample.answer, suspensions.overlap(sample.askedAt, sample.answeredAt) > .zero {
            // The request failed because nothing read its answer, or noticed its end: it is sent again.
            tracks[host].discardRequest()
            return actions.append(.ask(host: host, at: max(sample.answeredAt, resumedAt) + .milliseconds(10)))
        }
        // An answer from before a suspension that is noticed after it is judged at its end: by then it may be old.
        let now = max(sample.answeredAt, resumedAt)
        let answer = tracks[host].received(sample, sharing: &shared)
        let wasReachable = tracks[host].isReachable
        if tracks[host].attempts == 0 { answeredOnce += 1 }
        let twin = claim(sample, answer, actions: &actions)
        let wasHeard = tracks[host].isHeard
        tracks[host].observe(sample, answer, twin: twin, rules: rules, sharing: &shared)
        if !wasHeard, tracks[host].isHeard { heard += 1 }
        if lookups.isPossible, let evidence = tracks[host].evidence { ask(about: evidence, actions: &actions) }
        updateStatus(host, at: now, isFinal: false, actions: &actions)
        concludeIfDecided(at: now, actions: &actions)
        concludeIfSuperseded(at: now, actions: &actions)
        if conclusion == nil {
            let next = nextAsk(after: sample, wasReachable: wasReachable)
            actions.append(.ask(host: host, at: now > sample.answeredAt ? now + .milliseconds(10) : next))
        }
    }

    /// The end of the last suspension; zero without one.
    private var resumedAt: Duration { suspensions.last?.until ?? .zero }

    /// Advances the time: facts become stale, the deadline passes, the fleet stalls.
    private mutating func advance(to now: Duration, actions: inout [Action]) {
        guard purpose.isStanding || now < policy.timeout else { return conclude(.deadline, at: now, actions: &actions) }
        if now - lastStaleCheck >= min(.milliseconds(500), policy.interval) {
            lastStaleCheck = now
            let horizon = now - timing.freshness
            for host in tracks.indices where observedAt[host].map({ $0 < horizon }) ?? false {
                updateStatus(host, at: now, isFinal: false, actions: &actions)
            }
        }
        guard !purpose.isStanding else { return }
        if watchesTag, !isLastTagReadingRequested, now >= policy.timeout - Self.lastTagReading {
            // Tolerated hosts do not prevent a green end at the deadline either.
            isLastTagReadingRequested = true
            actions.append(.lookAtTag)
        }
        concludeIfDecided(at: now, actions: &actions)
        concludeIfRestIsTolerated(at: now, actions: &actions)
        // A soaking host makes progress although its status does not change.
        if conclusion == nil, now - lastChange >= policy.stall, counts[.soaking, default: 0] == 0,
            isTagSeen(at: now, actions: &actions)
        {
            conclude(.stall, at: now, actions: &actions)
        }
    }

    /// Continues after a suspension.
    ///
    /// It says nothing about the fleet: a silence, a standstill and a wait for the tag do not last longer because of it. Facts
    /// age all the same, so a host is proven only by new answers, and its soak begins again unless it was observed within the
    /// freshness of a fact. And the deadline does not move.
    private mutating func resume(after suspension: Suspension) {
        guard suspension.duration > .zero else { return }
        suspensions.append(suspension)
        lastChange = min(suspension.until, lastChange + suspension.duration)
        tagAwaitedSince = nil
        for host in tracks.indices { tracks[host].resume() }
    }

    /// Processes additional promotions in the ledger.
    private mutating func learn(_ promotions: [Promotion], at now: Duration, actions: inout [Action]) {
        guard promotions != self.promotions else { return }
        self.promotions = promotions
        rematch(tracks.indices, at: now, actions: &actions)
        concludeIfSuperseded(at: now, actions: &actions)
    }

    /// Processes the registry's answer or failure for a digest.
    private mutating func learn(_ lookup: DigestLookup, at now: Duration, actions: inout [Action]) {
        guard lookups.pending.contains(lookup.digest) else { return }
        lookups.take(lookup)
        rematch(tracks.indices.filter { tracks[$0].serves(lookup.digest) }, at: now, actions: &actions)
    }

    /// Requests the digests that the registry might identify as the promoted image.
    private mutating func ask(about evidence: BuildEvidence, actions: inout [Action]) {
        var asked = lookups
        let digests = asked.ask(for: rules.matcher.unanswered(evidence))
        guard !digests.isEmpty else { return }
        lookups = asked
        actions += digests.map(Action.learn)
    }

    private mutating func rematch(_ hosts: some Sequence<Int>, at now: Duration, actions: inout [Action]) {
        for host in hosts {
            tracks[host].rematch(rules.matcher)
            updateStatus(host, at: now, isFinal: false, actions: &actions)
        }
    }

    // MARK: - Identity

    /// Registers the id that a sample claims. Returns the other host that claims it too, or that the inventory assigns it
    /// to, even if that host is unreachable and claims nothing; nil if it does not exist.
    ///
    /// A host that was answered for by another returns the id with its first answer of its own: a blip does not count as a conflict.
    private mutating func claim(
        _ sample: Sample, _ answer: ReceivedAnswer, actions: inout [Action]
    ) -> IdentityTracker.Twin? {
        guard case .agent(let document) = answer,
            let id = tracks[sample.host].claimedID(document, nonce: sample.nonce)
        else { return nil }
        if claims[sample.host] != id {
            if let before = claims[sample.host] { claimants[before] = claimants[before]?.without(sample.host) }
            claims[sample.host] = id
            claimants[id] = claimants[id]?.union(ClaimingHosts(sample.host)) ?? ClaimingHosts(sample.host)
        }
        let others = claimants[id]?.without(sample.host)
        if let others {
            let twin = IdentityTracker.Twin(name: tracks[sample.host].host.name, bootID: document.own.bootID)
            for other in others.all where tracks[other].markDuplicate(of: twin) {
                updateStatus(other, at: max(sample.answeredAt, resumedAt), isFinal: false, actions: &actions)
            }
        }
        let owner = owners[id].flatMap { $0.contains(sample.host) ? nil : $0.first }
        return (others?.first ?? owner).map { tracks[$0].twin(withID: id) }
    }

    // MARK: - Conclusions

    /// A promotion that came after the target's.
    package var successor: Promotion? {
        guard let generation = target.generation, let last = promotions.last, last.generation > generation else {
            return nil
        }
        return last
    }

    private mutating func updateStatus(_ host: Int, at now: Duration, isFinal: Bool, actions: inout [Action]) {
        let before = tracks[host].status
        observedAt[host] = tracks[host].observedAt
        let isFinal = isFinal || isLate(host, at: now)
        guard
            let transition = tracks[host].updateStatus(
                at: now, isFinal: isFinal, policy: rules.policy, sharing: &shared)
        else { return }
        actions.append(.changed(host: host, transition))
        guard transition.status != before else { return }
        guard !tracks[host].host.isWaived else { return }
        lastChange = max(lastChange, now)
        counts[before, default: 0] -= 1
        counts[transition.status, default: 0] += 1
        budget.move(host, from: before, to: transition.status)
    }

    /// True in a standing check whose promotion is no longer young, for a host that is known to serve something.
    private func isLate(_ host: Int, at now: Duration) -> Bool {
        guard case .standing(let lateFrom) = purpose else { return false }
        return now >= lateFrom && tracks[host].fact != nil
    }

    private mutating func concludeIfDecided(at now: Duration, actions: inout [Action]) {
        guard !purpose.isStanding else { return }
        if budget.isBrokenByFailures {
            conclude(.tooManyFailed, at: now, actions: &actions)
        } else if movedTag == nil, expected > 0, counts[.converged, default: 0] == expected, !isTagAwaited(at: now),
            isWholeFleet({ $0.isAskedAgain($1) && $0.isProven($1, at: now) }),
            isTagSeen(at: now, actions: &actions)
        {
            conclude(.everyHostProven, at: now, actions: &actions)
        }
    }

    /// Ends for a newer promotion once every host was queried since the start, so that the report can include the fleet's
    /// progress.
    private mutating func concludeIfSuperseded(at now: Duration, actions: inout [Action]) {
        // A sweep ends when it has queried every host, and gates nothing.
        guard conclusion == nil, purpose == .verdict, successor != nil || movedTag?.isSettled == true, isEveryHostAsked,
            isEveryHostHeard
        else { return }
        conclude(.superseded, at: now, actions: &actions)
    }

    /// Ends early if only hosts that are tolerated as they are remain.
    ///
    /// Dead hosts must not cost the whole timeout. A host that is merely behind might still arrive, or fail, and is waited
    /// for until the deadline, tolerated or not.
    private mutating func concludeIfRestIsTolerated(at now: Duration, actions: inout [Action]) {
        // Checks the counts first, because this runs on every turn.
        let converged = counts[.converged, default: 0]
        guard conclusion == nil, movedTag == nil, converged > 0, converged < expected, budget.holdsWithoutTheRest,
            converged >= policy.minProven.limit(of: expected), !isTagAwaited(at: now),
            isWholeFleet({ $0.isAskedAgain($1) && $0.isProvenOrSettled($1, at: now) }),
            isTagSeen(at: now, actions: &actions)
        else { return }
        conclude(.restTolerated, at: now, actions: &actions)
    }

    /// False for a host that was not asked since a suspension of the collector. Nothing ends green with one: what else was
    /// missed meanwhile, such as a newer promotion, becomes known before a host's answer.
    private func isAskedAgain(_ host: Int) -> Bool { !tracks[host].isUnasked }

    /// True if every host in the gate has a property.
    ///
    /// The search begins with the host that lacked it last time: most often it still does, and a fleet of any size can be
    /// checked on every turn.
    private mutating func isWholeFleet(_ property: (Verification, Int) -> Bool) -> Bool {
        for offset in tracks.indices {
            let host = (firstToCheck + offset) % tracks.count
            guard tracks[host].host.isWaived || property(self, host) else {
                firstToCheck = host
                return false
            }
        }
        return true
    }

    private func isProvenOrSettled(_ host: Int, at now: Duration) -> Bool {
        tracks[host].status == .converged
            ? isProven(host, at: now) : tracks[host].isSettled(at: now, policy: rules.policy)
    }

    private mutating func keep(_ interval: Duration) {
        timing = policy.paced(at: interval)
        longestInterval = max(longestInterval, timing.interval)
    }

    /// The wait for a last reading of the tag: a registry that does not answer changes no verdict.
    private static let tagPatience = Duration.seconds(2)
    /// The time before the deadline at which the tag is read once more.
    private static let lastTagReading = Duration.milliseconds(500)

    /// True if the tag was read after everything else was settled, or is not watched, or cannot be read. Otherwise requests
    /// the reading.
    ///
    /// The tag is otherwise read only at intervals: a tag that was put back between the last reading and the last proof
    /// would end green.
    private mutating func isTagSeen(at now: Duration, actions: inout [Action]) -> Bool {
        guard watchesTag else { return true }
        if let since = tagAwaitedSince, since >= lastChange { return !isTagAwaited(at: now) }
        tagAwaitedSince = max(now, lastChange)
        actions.append(.lookAtTag)
        return false
    }

    /// True while a requested reading of the tag is under way, so that nothing can be concluded.
    private func isTagAwaited(at now: Duration) -> Bool {
        guard watchesTag, let since = tagAwaitedSince, since >= lastChange else { return false }
        let isSeen = tagSeenAt.map { $0 >= since } ?? false
        return !isSeen && now - since < Self.tagPatience
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

    /// The time of the next request to a host: an interval after the last one, or sooner if an answer can settle something.
    private func nextAsk(after sample: Sample, wasReachable: Bool) -> Duration {
        let regular = max(sample.askedAt + policy.interval, sample.answeredAt + .milliseconds(10))
        let soonest = min(regular, sample.answeredAt + min(policy.interval, .milliseconds(250)))
        // By index: copying a tracker costs more than the check.
        let host = sample.host
        let isSoaking = tracks[host].status == .soaking && !isSweep
        if isSoaking, let span = tracks[host].provenSpan, span < policy.soak {
            // The moment at which the soak can be complete.
            return min(regular, max(soonest, sample.answeredAt + policy.soak - span))
        }
        if let age = tracks[host].earlyAge {
            // An agent observes its source again once its last observation is older than this.
            guard age < Policy.agentPause else { return soonest }
            return min(regular, sample.answeredAt + Policy.agentPause - age + .milliseconds(10))
        }
        // The host just fell silent: query again soon, in case only a packet was lost.
        let fellSilent = wasReachable && !tracks[host].isReachable
        return isSoaking || fellSilent ? soonest : regular
    }
}

/// The hosts that claim one id, or that the inventory assigns it to: most often one, which takes no memory of its own.
private struct ClaimingHosts: Sendable {
    let first: Int
    private var others: [Int] = []

    init(_ host: Int) { first = host }

    var all: [Int] { [first] + others }

    func contains(_ host: Int) -> Bool { first == host || others.contains(host) }

    func union(_ hosts: ClaimingHosts) -> ClaimingHosts {
        var union = self
        union.others += hosts.all
        return union
    }

    /// nil if none is left.
    func without(_ host: Int) -> ClaimingHosts? {
        guard first == host || !others.isEmpty else { return self }
        let rest = all.filter { $0 != host }
        guard let first = rest.first else { return nil }
        var left = ClaimingHosts(first)
        left.others = Array(rest.dropFirst())
        return left
    }
}
