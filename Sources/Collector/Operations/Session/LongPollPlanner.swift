import CollectorSupport
import FoundationEssentials
import Shared
import Verdict

/// Long polls (RFC 7240, `Prefer: wait`), wherever an agent offers them: a host that is waited for is not asked in an interval,
/// but now, and answers when something changes or the interval is over. So no host is asked oftener or less often than
/// without, and a change is seen when it happens.
///
/// Only the shell knows of this. To ``Verification`` a held answer is an answer: it carries its own request's nonce, and its
/// age counts from the agent's look. Hosts that soak are asked the plain way, because a held request blurs when it was asked.
struct LongPollPlanner {
    /// A host's last whole document, which it may say is still the same.
    private struct Known {
        var tag: String
        var document: Document
        /// When its source was looked at.
        var lookedAt: Duration
    }

    /// How a request is to be held.
    struct Terms {
        /// What the host said last.
        var tag: String
        /// Whole seconds.
        var wait: Int

        var headers: [(name: String, value: String)] { [("If-None-Match", tag), ("Prefer", "wait=\(wait)")] }
    }

    /// How many requests may be held at a time: they take up places that others need.
    private let limit: Int
    private let interval: Duration
    private var known: [Int: Known] = [:]
    /// Hosts that did not hold what they were asked to hold.
    private var refusers: Set<Int> = []
    /// The hosts with a held request under way.
    private var held: Set<Int> = []
    /// When a host was last asked to hold.
    private var lastHeld: [Int: Duration] = [:]
    /// For how many seconds a host is to hold what it is asked next.
    private var wishes: [Int: Int] = [:]

    private static let shortestHold = Duration.milliseconds(200)

    init(limit: Int, interval: Duration) {
        self.limit = limit
        self.interval = interval
    }

    /// When to ask a host that is to be asked at a moment otherwise.
    ///
    /// - Parameter isEarly: whether its last answer was from before the start, so that nothing that it holds is news.
    mutating func schedule(
        _ host: Int, at moment: Duration, now: Duration, status: HostStatus, isEarly: Bool = false
    ) -> Duration {
        wishes[host] = nil
        // What was held is no reason to hurry now, and what changes all the time is not followed faster than this.
        let regular = max(moment, now + interval)
        let start = max(now, lastHeld[host].map { $0 + Self.shortestHold } ?? now)
        guard known[host] != nil, !refusers.contains(host), status.isAwaited, !isEarly, regular - start >= .seconds(1),
            held.count + wishes.count < limit
        else {
            // Nobody needs it then, and a fleet's documents are large.
            known[host] = nil
            return moment
        }
        wishes[host] = Int((regular - start).components.seconds)
        return start
    }

    /// The terms of a request that is made now; nil for a plain one.
    mutating func terms(_ host: Int, now: Duration) -> Terms? {
        guard let tag = known[host]?.tag, let wait = wishes.removeValue(forKey: host) else { return nil }
        held.insert(host)
        lastHeld[host] = now
        return Terms(tag: tag, wait: min(wait, BuildinfoProtocol.maximumWait))
    }

    /// What an answer says, with what the host said before where it says that nothing changed.
    mutating func finding(
        _ reading: SessionEvent.Reading, host: Int, nonce: String, answeredAt: Duration
    ) -> Sample.Answer {
        if held.remove(host) != nil, !reading.validation.wasHeld {
            // One that died is asked anew, and one that answered and did not hold will not hold the next either.
            if reading.validation.status == nil { known[host] = nil } else { refusers.insert(host) }
        }
        switch reading.finding {
        case .document(let document):
            known[host] = reading.validation.tag.flatMap { tag in
                // Only its own words can still be true.
                guard document.nonce == nonce, document.host.id == reading.validation.host else { return nil }
                return Known(
                    tag: tag, document: document,
                    lookedAt: answeredAt - Duration(clampingSeconds: document.ageSeconds))
            }
            return reading.finding
        case .plain: return reading.finding
        case .unusable:
            guard reading.validation.isUnchanged, let before = known[host] else { return reading.finding }
            guard reading.validation.host == before.document.host.id else {
                known[host] = nil
                return .unusable(.httpStatus, detail: "answered HTTP 304 without saying that it is the same host")
            }
            return unchanged(before, reading.validation, answeredAt: answeredAt)
        }
    }

    /// "Not modified" says as much as its headers prove: without them it is some cache's.
    private func unchanged(
        _ before: Known, _ validation: ResponseValidators, answeredAt: Duration
    ) -> Sample.Answer {
        guard let age = validation.age else {
            return .unusable(.httpStatus, detail: "answered HTTP 304 without saying when it looked")
        }
        var document = before.document
        document.nonce = validation.nonce
        document.ageSeconds = age
        // The host's clock, as far as it has run since.
        let passed = answeredAt - Duration(clampingSeconds: age) - before.lookedAt
        document.observedAt =
            Date(rfc3339: document.observedAt)?.addingTimeInterval(passed.seconds).rfc3339 ?? document.observedAt
        return .document(document)
    }
}

extension HostStatus {
    /// Whether a change of the host is waited for.
    fileprivate var isAwaited: Bool {
        switch self {
        case .soaking, .converged, .flapping: false
        default: true
        }
    }
}
