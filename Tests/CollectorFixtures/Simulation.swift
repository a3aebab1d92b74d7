import Shared
import Support

@testable import Verdict

/// Runs a schedule: agents, the network to them, and a poller that performs the state machine's actions.
struct Simulation {
    /// An observation by a host's own agent that reached the collector.
    struct Delivery {
        var host: Int
        /// The times of the agent's observation and of the answer's arrival.
        var look: Int
        var arrived: Int
    }

    let schedule: Schedule
    private(set) var verification: Verification
    private(set) var deliveries: [Delivery] = []
    /// Violations of rules during the run.
    private(set) var violations: [String] = []
    private(set) var requests = 0
    /// The evidence of the run; nil unless requested.
    var recording: Recording?
    /// The inputs of the run so far; nil unless requested.
    var inputs: [Verification.Input]?

    /// Adds details to a host's documents that no status depends on.
    var dress: (@Sendable (Int, inout Document) -> Void)?

    private var random: SplitMix64
    private var nextAsk: [Int?]
    private var answers: [(at: Int, sample: Sample, look: Int?)?]
    private var lastDocument: [Document?]
    private var documents: [Int: Document] = [:]

    init(_ schedule: Schedule) {
        self.schedule = schedule
        random = SplitMix64(seed: schedule.seed ^ 0x5EED)
        nextAsk = schedule.hosts.map { _ in nil }
        answers = schedule.hosts.map { _ in nil }
        lastDocument = schedule.hosts.map { _ in nil }
        verification = Verification(
            target: schedule.target, hosts: schedule.expectedHosts, policy: schedule.policy, promotions: .upToTarget)
    }

    mutating func run() {
        carryOut(take(.started), host: nil, at: 0)
        var now = 0
        var nextTick = 0
        var isSuperseded = false
        var isUnlisted = false
        var isSuspended = false
        while verification.conclusion == nil {
            var next = nextTick
            for host in schedule.hosts.indices {
                if let ask = nextAsk[host], ask < next { next = ask }
                if let answer = answers[host], answer.at < next { next = answer.at }
            }
            if let at = schedule.successorAt, !isSuperseded, at < next { next = at }
            now = max(now, next)
            if let suspension = schedule.suspension, !isSuspended, now >= suspension.from {
                isSuspended = true
                let since = now
                now = max(now, suspension.until)
                miss(since, until: now)
                _ = take(.suspended(Suspension(from: .milliseconds(since), until: .milliseconds(now))))
            }
            guard now <= max(schedule.timeout, schedule.suspension?.until ?? 0) + 1_000 else {
                violations.append("not concluded by the deadline")
                return
            }
            if now >= nextTick {
                nextTick = now + schedule.tick
                carryOut(take(.time(.milliseconds(now))), host: nil, at: now)
            }
            if let at = schedule.successorAt, !isSuperseded, now >= at {
                isSuperseded = true
                carryOut(take(.promotions(.upToSuccessor, at: .milliseconds(now))), host: nil, at: now)
            }
            if let unlisted = schedule.unlisted, !isUnlisted, now >= unlisted.at {
                isUnlisted = true
                let names = Set(schedule.expectedHosts.map(\.name)).subtracting(["host-\(unlisted.host)"])
                carryOut(take(.listed(names, at: .milliseconds(now))), host: nil, at: now)
            }
            if let at = schedule.interruptAt, now >= at {
                carryOut(take(.signal(2, at: .milliseconds(now))), host: nil, at: now)
            }
            for host in schedule.hosts.indices where verification.conclusion == nil {
                if let answer = answers[host], answer.at <= now {
                    answers[host] = nil
                    if let look = answer.look {
                        deliveries.append(Delivery(host: host, look: look, arrived: answer.at))
                    }
                    carryOut(take(.sample(answer.sample)), host: host, at: now)
                }
                if let ask = nextAsk[host], ask <= now, verification.conclusion == nil {
                    nextAsk[host] = nil
                    request(host, at: now)
                }
            }
        }
        if !verification.take(.time(.milliseconds(schedule.timeout * 2))).isEmpty {
            violations.append("something happened after the conclusion")
        }
    }

    /// What arrives while the collector does not run is noticed at the end. By then, requests have timed out, unless their
    /// clock stood still, too.
    private mutating func miss(_ start: Int, until end: Int) {
        let doesTimeOut = random.chance(50)
        for host in answers.indices {
            guard var answer = answers[host], answer.at > start, answer.at <= end else { continue }
            let askedAt = answer.sample.askedAt
            answer.at = end
            answer.sample.answeredAt = .milliseconds(end)
            if doesTimeOut, answer.sample.answeredAt - askedAt >= .milliseconds(schedule.requestTimeout) {
                answer.sample.answer = .unusable(.timeout, detail: "made up")
                answer.look = nil
            }
            answers[host] = answer
        }
    }

    private mutating func take(_ input: Verification.Input) -> [Verification.Action] {
        let actions = verification.take(input)
        recording?.take(input, actions, by: verification)
        inputs?.append(input)
        return actions
    }

    private mutating func carryOut(_ actions: [Verification.Action], host: Int?, at now: Int) {
        var asks = 0
        for (index, action) in actions.enumerated() {
            switch action {
            case .ask(let asked, let moment):
                asks += 1
                let at =
                    Int(moment.components.seconds) * 1_000 + Int(moment.components.attoseconds / 1_000_000_000_000_000)
                if nextAsk[asked] != nil || answers[asked] != nil { violations.append("host \(asked) is asked twice") }
                if let host {
                    if asked != host { violations.append("host \(asked) is asked for an answer of host \(host)") }
                    if at <= now { violations.append("host \(asked) is asked in the past: \(at) at \(now)") }
                    if at > now + schedule.interval {
                        violations.append("host \(asked) is asked late: \(at) at \(now)")
                    }
                }
                nextAsk[asked] = max(at, now)
            case .changed(let host, let transition):
                if transition.at != .milliseconds(now) { violations.append("host \(host) changed at another time") }
            case .lookAtTag: violations.append("an unwatched tag is read")
            case .learn: violations.append("a registry is asked that there is not")
            case .concluded:
                if index != actions.count - 1 { violations.append("actions after the conclusion") }
            }
        }
        let isOver = verification.conclusion != nil
        if host != nil, asks != (isOver ? 0 : 1) { violations.append("\(asks) requests follow an answer at \(now)") }
    }

    // MARK: - The network and the agents

    private mutating func request(_ host: Int, at now: Int) {
        requests += 1
        _ = take(.asked([host], at: .milliseconds(now)))
        let nonce = "n\(requests)"
        let truth = schedule.hosts[host]
        let arrival = now + random.pick(0, truth.wayThere)
        let back = arrival + random.pick(0, truth.wayBack)
        func answer(_ finding: Sample.Answer, at moment: Int, look: Int? = nil) {
            var finding = finding
            if let dress, case .document(var document) = finding {
                dress(host, &document)
                finding = .document(document)
            }
            let sample = Sample(
                host: host, askedAt: .milliseconds(now), answeredAt: .milliseconds(moment), nonce: nonce,
                answer: finding)
            answers[host] = (moment, sample, look)
        }
        if let shortage = schedule.shortage, shortage.from <= now, now < shortage.until, random.chance(80) {
            return answer(.unusable(.notSent, detail: "made up"), at: now)
        }
        let lost = now + schedule.requestTimeout
        let fault = truth.fault(at: arrival)?.kind
        if case .silence(let reach, let after)? = fault {
            return answer(.unusable(reach, detail: "made up"), at: now + min(after, schedule.requestTimeout))
        }
        if case .loss(let percent)? = fault, random.chance(percent) {
            return answer(.unusable(.timeout, detail: "made up"), at: lost)
        }
        guard back <= lost else { return answer(.unusable(.timeout, detail: "made up"), at: lost) }
        switch fault {
        case .garbage(let reach)?:
            answer(.unusable(reach, detail: "made up"), at: back)
        case .cache?:
            var document = lastDocument[host] ?? self.document(of: host, asIf: .target, id: "host-id-\(host)")
            if lastDocument[host] == nil { document.nonce = "of another request" }
            answer(.document(document), at: back)
        case .misroute(let other)?:
            if other < 0 {
                var document = self.document(of: host, asIf: .target, id: "stranger")
                document.nonce = nonce
                answer(.document(document), at: back)
            } else {
                answer(.document(document(of: other, at: arrival, nonce: nonce)), at: back)
            }
        case .blind?:
            var document = document(of: host, at: arrival, nonce: nonce)
            document.state = .unknown
            document.gitSHA = .absent
            document.digest = .absent
            document.instances = []
            answer(.document(document), at: back)
        case .silence?, .loss?, .frozen?, .stored?, nil:
            if truth.isPlain {
                var (made, saysSo) = (arrival, false)
                if case .stored(let isSaid)? = fault {
                    (made, saysSo) = (truth.fault(at: arrival)?.from ?? arrival, isSaid)
                }
                let stretch = truth.stretch(at: made)
                let isUp = stretch.state == .serving && !stretch.kinds.isEmpty
                guard isUp else { return answer(.unusable(.refused, detail: "made up"), at: back) }
                let gitSHA = Build.of(stretch.kinds[0]).gitSHA
                let plain = PlainAnswer(
                    gitSHA: gitSHA, stored: saysSo ? "X-Cache: HIT" : nil,
                    date: truth.saysDate ? truth.date(at: made) : nil)
                return answer(.plain(plain), at: back, look: saysSo ? nil : made)
            }
            let document = document(of: host, at: arrival, nonce: nonce)
            lastDocument[host] = document
            answer(.document(document), at: back, look: truth.look(before: arrival))
        }
    }

    private mutating func document(of host: Int, at moment: Int, nonce: String) -> Document {
        let truth = schedule.hosts[host]
        let look = truth.look(before: moment)
        let index = (truth.stretches.lastIndex { $0.from <= look }) ?? 0
        let isReplaced = truth.replacedAt.map { moment >= $0 } ?? false
        let key = (host * 256 + index) * 2 + (isReplaced ? 1 : 0)
        var document = documents[key] ?? truth.stretches[index].document(id: truth.id(of: host, at: moment))
        documents[key] = document
        document.ageSeconds = Double(moment - look) / 1_000
        document.nonce = nonce
        document.instancesExpected = truth.declared
        document.observedAt = "2026-01-01T00:00:00Z, \(truth.skewDays) days wrong"
        return document
    }

    private func document(of host: Int, asIf kind: TrueHost.Kind, id: String) -> Document {
        TrueHost.Stretch(from: 0, kinds: [kind], state: .serving, container: 99).document(id: id)
    }
}

extension Schedule {
    var target: Target {
        switch wanted {
        case .commitAndDigest: .promoted
        case .commit: Target(service: "canvas", gitSHA: .of("a"), generation: 2)
        case .digest: Target(service: "canvas", digest: .of("1"), generation: 2)
        }
    }

    var expectedHosts: [ExpectedHost] {
        hosts.indices.map { host in
            ExpectedHost(
                name: "host-\(host)", url: "http://host-\(host)/",
                id: knownIDs.contains(host) ? "host-id-\(host)" : nil, labels: labels[host],
                waiver: waived.contains(host)
                    ? Waiver(until: "2027-01-01T00:00:00Z", reason: "made up", isExpired: false) : nil)
        }
    }

    var policy: Policy {
        func tolerance(_ number: Int) -> Tolerance { number < 0 ? .percent(Double(-number)) : .hosts(number) }
        func group(_ rule: StatusOracle) -> HostGroup { HostGroup(key: rule.key, value: rule.value) }
        func tolerances(_ rules: [StatusOracle]) -> [GroupTolerance] {
            rules.map { GroupTolerance(group: group($0), tolerance: tolerance($0.number)) }
        }
        return Policy(
            timeout: .milliseconds(timeout), interval: .milliseconds(interval),
            requestTimeout: .milliseconds(requestTimeout), soak: .milliseconds(soak), stall: .milliseconds(stall),
            failAfter: failAfter, maxStragglers: tolerance(maxStragglers), maxUnreachable: tolerance(maxUnreachable),
            maxFailed: tolerance(maxFailed), maxStragglersByLabel: tolerances(stragglerRules),
            maxUnreachableByLabel: tolerances(unreachableRules), maxFailedByLabel: tolerances(failedRules),
            minProven: tolerance(minProven),
            require: required.map { Requirement(group: group($0), share: tolerance($0.number)) },
            supersededOK: supersededOK)
    }
}

extension Build {
    fileprivate static func of(_ kind: TrueHost.Kind) -> Build {
        switch kind {
        case .target: .target
        case .old: .old
        case .next: .next
        case .foreign: .foreign
        case .rebuilt: .rebuilt
        case .mislabelled: .mislabelled
        case .local: .local
        case .unlabelled: .unlabelled
        }
    }
}

extension TrueHost.Stretch {
    /// The document that an agent reports, without nonce and age.
    fileprivate func document(id: String) -> Document {
        func answer(_ index: Int) -> Answer {
            Answer(
                build: .of(kinds[index]), state: state, container: "c\(container + index)", startedAt: "start \(start)",
                restarts: restarts, hostID: id, tagMoved: tagMoved, oomKilled: oomKilled)
        }
        let stopped = leftover.map {
            Answer(
                build: .of($0), state: .exited, container: "left", startedAt: "2025-12-31T00:00:00Z", hostID: id)
        }
        let all = kinds.indices.map(answer) + [stopped].compactMap { $0 }
        guard let first = all.first else { return Answer(state: .absent, hostID: id).document(host: 0, nonce: "") }
        var document = first.with { $0.others = Array(all.dropFirst()) }.document(host: 0, nonce: "")
        document.leftOut = (0..<leftOut).map {
            LeftOutContainer(id: "out\($0)", name: "out-\($0)", reason: .replaced, state: .exited)
        }
        return document
    }
}
