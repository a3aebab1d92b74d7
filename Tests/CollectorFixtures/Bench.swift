import Shared

@testable import Verdict

/// A verification with a simulated clock, driven step by step. Times are in seconds since its start.
struct Bench {
    private(set) var verification: Verification
    /// All actions that the state machine has returned.
    private(set) var actions: [Verification.Action]
    private var requests = 0

    /// The result of a request.
    enum Seen: Sendable {
        case answer(Answer)
        case plain(Reported<GitSHA>)
        /// The answer of a host without an agent.
        case says(PlainAnswer)
        case none(RequestOutcome)
        /// The host is not queried.
        case skip
    }

    /// - Parameter lateFrom: makes it a standing check.
    init(
        _ count: Int = 1, policy: Policy = Policy(), target: Target = .promoted, promotions: [Promotion] = .upToTarget,
        learnsImages: Bool = false, watchesTag: Bool = false, isSweep: Bool = false, every interval: Duration? = nil,
        lateFrom: Duration? = nil, edit: (inout [ExpectedHost]) -> Void = { _ in }
    ) {
        var hosts = (0..<count).map { ExpectedHost(name: "host-\($0)", url: "http://host-\($0):9480/buildinfo") }
        edit(&hosts)
        if let lateFrom {
            verification = Verification(
                standing: hosts, for: target, policy: policy, lateFrom: lateFrom, promotions: promotions)
            actions = verification.take(.started)
            return
        }
        verification =
            isSweep
            ? Verification(
                sweeping: hosts, for: target, requestTimeout: policy.requestTimeout, every: interval,
                promotions: promotions, learnsImages: learnsImages)
            : Verification(
                target: target, hosts: hosts, policy: policy, promotions: promotions, learnsImages: learnsImages,
                watchesTag: watchesTag)
        actions = verification.take(.started)
    }

    /// One request, answered after `latency` seconds at `moment`.
    mutating func see(_ host: Int = 0, at moment: Double, latency: Double = 0, _ seen: Seen) {
        requests += 1
        let nonce = "nonce-\(requests)"
        let answer: Sample.Answer
        switch seen {
        case .answer(let made): answer = .document(made.document(host: host, nonce: nonce))
        case .plain(let gitSHA): answer = .plain(PlainAnswer(gitSHA: gitSHA))
        case .says(let plain): answer = .plain(plain)
        case .none(let reach): answer = .unusable(reach, detail: "made up: \(reach.rawValue)")
        case .skip: return
        }
        ask(host, at: moment - latency)
        actions += verification.take(
            .sample(
                Sample(
                    host: host, askedAt: Self.time(moment - latency), answeredAt: Self.time(moment), nonce: nonce,
                    answer: answer)))
    }

    mutating func see(_ host: Int = 0, at moment: Double, _ answer: Answer) {
        see(host, at: moment, .answer(answer))
    }

    /// A request without an answer.
    mutating func ask(_ host: Int, at moment: Double) {
        actions += verification.take(.asked([host], at: Self.time(moment)))
    }

    mutating func advance(to moment: Double) {
        actions += verification.take(.time(Self.time(moment)))
    }

    /// Queries every host every `step` seconds, from one moment to another, until there is a conclusion.
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

    /// Polls until the deadline.
    mutating func finish(every step: Double = 2, _ seen: (_ host: Int, _ moment: Double) -> Seen) {
        let timeout = verification.policy.timeout.seconds
        poll(1...timeout - 0.5, every: step, seen)
        advance(to: timeout)
    }

    /// The collector does not run between two moments.
    mutating func suspend(from: Double, until: Double) {
        actions += verification.take(.suspended(Suspension(from: Self.time(from), until: Self.time(until))))
    }

    mutating func learn(_ promotions: [Promotion], at moment: Double) {
        actions += verification.take(.promotions(promotions, at: Self.time(moment)))
    }

    mutating func learn(listed: Set<String>, at moment: Double) {
        actions += verification.take(.listed(listed, at: Self.time(moment)))
    }

    mutating func learn(_ image: DigestLookup, at moment: Double) {
        actions += verification.take(.learned(image, at: Self.time(moment)))
    }

    mutating func learn(moved tag: RetaggedImage?, at moment: Double) {
        actions += verification.take(.moved(tag, at: Self.time(moment)))
    }

    mutating func seeTag(lookedAt: Double) {
        actions += verification.take(.tagSeen(lookedAt: Self.time(lookedAt), at: Self.time(lookedAt)))
    }

    mutating func interrupt(signal: Int32, at moment: Double) {
        actions += verification.take(.signal(signal, at: Self.time(moment)))
    }

    private static func time(_ seconds: Double) -> Duration { .milliseconds(Int(seconds * 1_000)) }

    // MARK: - Results

    func status(_ host: Int = 0) -> HostStatus { verification.tracks[host].status }
    func facts(_ host: Int = 0) -> HostFacts { verification.tracks[host].facts }

    func reason(_ host: Int = 0) -> String { hostReason(host).text.sentence }

    func hostReason(_ host: Int = 0) -> HostReason {
        verification.tracks[host].reason(at: verification.conclusion?.at ?? .zero, policy: verification.policy)
    }

    /// The statuses that the host had, the current one last.
    func history(_ host: Int = 0) -> [HostStatus] { verification.tracks[host].transitions.map(\.status) }

    var verdict: Verdict? { verification.conclusion?.verdict }
    var exitCode: Int32? { verification.conclusion?.exitCode }
    var reasons: [Verdict] { verification.conclusion?.reasons.map(\.verdict) ?? [] }
    var endedAt: Double? { verification.conclusion?.at.seconds }
}

extension Policy {
    /// The defaults, with a deadline that a test reaches in a few steps, and no stall before it.
    static let short = Policy(timeout: .seconds(60), stall: .seconds(600))
}
