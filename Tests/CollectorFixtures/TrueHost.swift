import Shared

@testable import Verdict

/// The true behaviour of a simulated host, from long before the verification until long after it. Times are in milliseconds.
struct TrueHost: Sendable, CustomStringConvertible {
    /// The kinds of builds. The simulator assigns them; they are not derived from digests or commits.
    enum Kind: String, Sendable, CaseIterable {
        case target, old, next, foreign, rebuilt, mislabelled, local, unlabelled
    }

    /// A stretch of time without a change.
    struct Stretch: Sendable {
        var from: Int
        /// The builds of its instances; empty without an instance.
        var kinds: [Kind]
        var state: ServiceState
        /// The identity of the containers.
        var container: Int
        /// The number of their starts.
        var start = 0
        var restarts = 0
        var tagMoved = false
        var oomKilled = false
        /// The build of an old stopped container that an agent lists beside the instances.
        var leftover: Kind?
        /// The number of containers that the agent leaves out.
        var leftOut = 0
    }

    /// A fault between the collector and the host.
    struct Fault: Sendable {
        enum Kind: Sendable {
            /// No answer, after this many milliseconds.
            case silence(RequestOutcome, after: Int)
            /// This percentage of requests is lost.
            case loss(percent: Int)
            /// Something other than an agent answers.
            case garbage(RequestOutcome)
            /// A cache replays an earlier answer of the host.
            case cache
            /// From the start of the fault, a cache replays the answer of a host without an agent, with or without a cache
            /// header.
            case stored(saysSo: Bool)
            /// Another host of the inventory answers or, with -1, a stranger that serves the target.
            case misroute(to: Int)
            /// The agent cannot read its engine, and reports this.
            case blind
            /// The agent loses its engine, and its last observation ages.
            case frozen
        }

        var from: Int
        var until: Int
        var kind: Kind
    }

    /// In order of time; the first one begins long before the verification.
    var stretches: [Stretch]
    var faults: [Fault] = []
    /// Milliseconds between an agent's observations; 0 for one per request.
    var lookPeriod = 0
    var lookPhase = 0
    /// The maximum latency in each direction, in milliseconds.
    var wayThere = 5
    var wayBack = 5
    /// The time at which another machine takes this name; nil for never.
    var replacedAt: Int?
    /// Answers `{"git_sha": …}` only.
    var isPlain = false
    /// True if its plain answers have a `Date`.
    var saysDate = false
    /// The number of instances that its operator declared.
    var declared: Int?
    /// The offset of the host's wall clock, which must not matter.
    var skewDays = 0
    /// The kind of script that the generator chose.
    var story = ""

    func stretch(at time: Int) -> Stretch {
        var found = stretches[0]
        for stretch in stretches {
            guard stretch.from <= time else { break }
            found = stretch
        }
        return found
    }

    /// The host's own clock at a time, in seconds.
    func date(at time: Int) -> Int64 { (Int64(time) + 1_700_000_000_000 + Int64(skewDays) * 86_400_000) / 1_000 }

    func fault(at time: Int) -> Fault? { faults.first { $0.from <= time && time < $0.until } }

    /// The time of the agent's last observation of its engine before `time`.
    func look(before time: Int) -> Int {
        var look = time
        if lookPeriod > 0 {
            let since = (time - lookPhase) % lookPeriod
            look = time - (since < 0 ? since + lookPeriod : since)
        }
        for fault in faults {
            if case .frozen = fault.kind, fault.from <= look, look < fault.until { look = fault.from }
        }
        // A new machine's agent never observed the old machine's engine.
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
