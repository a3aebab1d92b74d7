import Shared

@testable import Verdict

/// What a made-up host truly does, from long before the verification until long after it. Times are in milliseconds.
struct TrueHost: Sendable, CustomStringConvertible {
    /// What a host's builds are, as the simulator knows them; nothing of this is derived from digests or commits.
    enum Kind: String, Sendable, CaseIterable {
        case target, old, next, foreign, rebuilt, mislabelled, local, unlabelled
    }

    /// One stretch in which nothing changes.
    struct Stretch: Sendable {
        var from: Int
        /// The builds of its instances; empty while there is none.
        var kinds: [Kind]
        var state: ServiceState
        /// Which containers these are.
        var container: Int
        /// How often they were started.
        var start = 0
        var restarts = 0
        var tagMoved = false
        var oomKilled = false
        /// A stopped container of long ago that an agent lists beside them.
        var leftover: Kind?
        /// Containers that the agent leaves out.
        var leftOut = 0
    }

    /// What stands between the collector and the host.
    struct Fault: Sendable {
        enum Kind: Sendable {
            /// No answer, after so many milliseconds.
            case silence(RequestOutcome, after: Int)
            /// So many requests in a hundred are lost.
            case loss(percent: Int)
            /// Something answers, but no agent.
            case garbage(RequestOutcome)
            /// A cache answers with what the host said before.
            case cache
            /// A cache answers with what a host without an agent said when the fault began; it may say so.
            case stored(saysSo: Bool)
            /// A host of the inventory answers, or (-1) a stranger that serves the target.
            case misroute(to: Int)
            /// The agent cannot read its engine, and says so.
            case blind
            /// The agent cannot see its engine any more, and its last look grows old.
            case frozen
        }

        var from: Int
        var until: Int
        var kind: Kind
    }

    /// In the order of their times; the first one begins long before the verification.
    var stretches: [Stretch]
    var faults: [Fault] = []
    /// Milliseconds between an agent's looks; 0 looks for every request.
    var lookPeriod = 0
    var lookPhase = 0
    /// Milliseconds of the way there, and of the way back, at most.
    var wayThere = 5
    var wayBack = 5
    /// The time from which on another machine has this name; nil for never.
    var replacedAt: Int?
    /// Answers `{"git_sha": …}` only.
    var isPlain = false
    /// Its plain answers have a `Date`.
    var saysDate = false
    /// How many instances its operator declared.
    var declared: Int?
    /// The host's wall clock is off by so much; of no importance.
    var skewDays = 0
    /// What the generator had in mind.
    var story = ""

    func stretch(at time: Int) -> Stretch {
        var found = stretches[0]
        for stretch in stretches {
            guard stretch.from <= time else { break }
            found = stretch
        }
        return found
    }

    /// What the host's own clock says at a time, in seconds.
    func date(at time: Int) -> Int64 { (Int64(time) + 1_700_000_000_000 + Int64(skewDays) * 86_400_000) / 1_000 }

    func fault(at time: Int) -> Fault? { faults.first { $0.from <= time && time < $0.until } }

    /// When the agent looked at its engine for the last time before `time`.
    func look(before time: Int) -> Int {
        var look = time
        if lookPeriod > 0 {
            let since = (time - lookPhase) % lookPeriod
            look = time - (since < 0 ? since + lookPeriod : since)
        }
        for fault in faults {
            if case .frozen = fault.kind, fault.from <= look, look < fault.until { look = fault.from }
        }
        // A new machine's agent never looked at the old machine's engine.
        if let replacedAt, replacedAt <= time { look = max(look, replacedAt) }
        return look
    }

    func id(of host: Int, at time: Int) -> String {
        if let replacedAt, time >= replacedAt { return "replaced-\(host)" }
        return "host-id-\(host)"
    }

    var description: String {
        let lines = stretches.map {
            "    \($0.from) ms: \($0.kinds.map(\.rawValue).joined(separator: "+")) \($0.state.rawValue) "
                + "c\($0.container) start \($0.start) restarts \($0.restarts)"
                + ($0.tagMoved ? " tag moved" : "") + ($0.oomKilled ? " oom" : "")
                + ($0.leftover.map { " beside a stopped \($0.rawValue)" } ?? "")
        }
        let faulty = faults.map { "    fault \($0.from)..<\($0.until) ms: \($0.kind)" }
        let about =
            "\(story); look every \(lookPeriod) ms + \(lookPhase), way \(wayThere) + \(wayBack) ms"
            + (isPlain ? ", plain\(saysDate ? " with a Date" : "")" : "")
            + (declared.map { ", declared \($0)" } ?? "") + (replacedAt.map { ", replaced at \($0) ms" } ?? "")
        return ([about] + lines + faulty).joined(separator: "\n")
    }
}
