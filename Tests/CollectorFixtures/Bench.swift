import Shared

@testable import Verdict

/// A verification with a made-up clock, driven step by step. Times are in seconds since its start.
struct Bench {
    private(set) var verification: Verification
    /// Everything that the state machine asked for so far.
    private(set) var actions: [Verification.Action]
    private var requests = 0

    /// What a poll brings.
    enum Seen: Sendable {
        case answer(Answer)
        case plain(Reported<GitSHA>)
        /// All that a host without an agent says.
        case says(PlainAnswer)
        case none(RequestOutcome)
        /// The host is not asked.
        case skip
    }

    init(
        _ count: Int = 1, policy: Policy = Policy(), target: Target = .promoted, promotions: [Promotion] = .upToTarget,
        learnsImages: Bool = false, watchesTag: Bool = false, edit: (inout [ExpectedHost]) -> Void = { _ in }
    ) {
        var hosts = (0..<count).map { ExpectedHost(name: "host-\($0)", url: "http://host-\($0):9480/buildinfo") }
        edit(&hosts)
        verification = Verification(
            target: target, hosts: hosts, policy: policy, promotions: promotions, learnsImages: learnsImages,
            watchesTag: watchesTag)
        actions = verification.start()
    }

    /// One request, answered after `latency` seconds at `moment`.
    mutating func see(_ host: Int = 0, at moment: Double, latency: Double = 0, _ seen: Seen) {
        requests += 1
        let nonce = "nonce-\(requests)"
        let finding: Sample.Finding
        switch seen {
        case .answer(let answer): finding = .document(answer.document(host: host, nonce: nonce))
        case .plain(let gitSHA): finding = .plain(PlainAnswer(gitSHA: gitSHA))
        case .says(let answer): finding = .plain(answer)
        case .none(let reach): finding = .none(reach, detail: "made up: \(reach.rawValue)")
        case .skip: return
        }
        verification.asked(host, at: .milliseconds(Int((moment - latency) * 1_000)))
        actions += verification.observe(
            Sample(
                host: host, askedAt: .milliseconds(Int((moment - latency) * 1_000)),
                answeredAt: .milliseconds(Int(moment * 1_000)), nonce: nonce, finding: finding))
    }

    mutating func see(_ host: Int = 0, at moment: Double, _ answer: Answer) {
        see(host, at: moment, .answer(answer))
    }

    /// A request that stays without an answer.
    mutating func ask(_ host: Int, at moment: Double) {
        verification.asked(host, at: .milliseconds(Int(moment * 1_000)))
    }

    mutating func advance(to moment: Double) {
        actions += verification.advance(to: .milliseconds(Int(moment * 1_000)))
    }

    /// Asks every host each `step` seconds, from one moment through another, until there is a conclusion.
    mutating func poll(
        _ moments: ClosedRange<Double>, every step: Double = 2, _ seen: (_ host: Int, _ moment: Double) -> Seen
    ) {
        for moment in stride(from: moments.lowerBound, through: moments.upperBound + 1e-9, by: step) {
            guard verification.conclusion == nil else { return }
            advance(to: moment)
            for host in verification.tracks.indices { see(host, at: moment, seen(host, moment)) }
        }
    }

    mutating func poll(_ moments: ClosedRange<Double>, every step: Double = 2, _ answer: Answer) {
        poll(moments, every: step) { _, _ in .answer(answer) }
    }

    /// Until the deadline.
    mutating func finish(every step: Double = 2, _ seen: (_ host: Int, _ moment: Double) -> Seen) {
        let timeout = verification.policy.timeout.seconds
        poll(1...timeout - 0.5, every: step, seen)
        advance(to: timeout)
    }

    mutating func learn(_ promotions: [Promotion], at moment: Double) {
        actions += verification.learn(promotions: promotions, at: .milliseconds(Int(moment * 1_000)))
    }

    mutating func learn(listed: Set<String>, at moment: Double) {
        actions += verification.learn(listed: listed, at: .milliseconds(Int(moment * 1_000)))
    }

    mutating func learn(_ image: DigestLookup, at moment: Double) {
        actions += verification.learn(image, at: .milliseconds(Int(moment * 1_000)))
    }

    mutating func learn(moved tag: RetaggedImage?, at moment: Double) {
        actions += verification.learn(moved: tag, at: .milliseconds(Int(moment * 1_000)))
    }

    mutating func seeTag(lookedAt: Double) {
        actions += verification.see(tagAt: .milliseconds(Int(lookedAt * 1_000)))
    }

    mutating func interrupt(signal: Int32, at moment: Double) {
        actions += verification.interrupt(signal: signal, at: .milliseconds(Int(moment * 1_000)))
    }

    // MARK: - Looking

    func status(_ host: Int = 0) -> HostStatus { verification.tracks[host].status }
    func facts(_ host: Int = 0) -> HostFacts { verification.tracks[host].facts }

    func reason(_ host: Int = 0) -> String {
        verification.tracks[host].reason(
            at: verification.conclusion?.at ?? .zero, policy: verification.policy)
    }

    /// The labels that the host went through, the present one last.
    func history(_ host: Int = 0) -> [HostStatus] { verification.tracks[host].transitions.map(\.status) }

    var verdict: Verdict? { verification.conclusion?.verdict }
    var exitCode: Int32? { verification.conclusion?.exitCode }
    var reasons: [Verdict] { verification.conclusion?.reasons.map(\.verdict) ?? [] }
    var endedAt: Double? { verification.conclusion?.at.seconds }
}

extension Policy {
    /// As the defaults, with a deadline that a test reaches in a few steps, and no stall before it.
    static let short = Policy(timeout: .seconds(60), stall: .seconds(600))
}
