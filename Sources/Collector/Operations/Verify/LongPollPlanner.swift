import CollectorSupport
import FoundationEssentials
import Shared
import Verdict

/// Long polls (RFC 7240, `Prefer: wait`) for agents that support them. Instead of asking a host again after the interval, the
/// collector asks at once, and the host answers when something changes or the interval ends. The request rate stays the same,
/// and a change is seen when it happens.
///
/// Only the session knows about long polls. To ``Verification`` a held answer is an ordinary one: it carries its request's
/// nonce, and its age counts from the agent's observation. Soaking hosts get plain requests, because a held request blurs the
/// time at which it was made. So do converged ones, unless the session is a standing check.
struct LongPollPlanner {
    /// A host's last document, which a 304 refers to.
    private struct LastDocument {
        let tag: String
        let document: Document
        /// When the agent observed it.
        let observedAt: Duration
    }

    /// The parameters of a held request.
    struct Hold {
        /// The entity tag of the host's last document.
        let tag: String
        let seconds: Int

        var headers: [(name: String, value: String)] { [("If-None-Match", tag), ("Prefer", "wait=\(seconds)")] }
    }

    /// The most requests held at a time, because they occupy connections that others need.
    private let limit: Int
    private let interval: Duration
    private let holdsConverged: Bool
    private var lastDocuments: [Int: LastDocument] = [:]
    /// Hosts that answered at once although they were asked to hold.
    private var unsupported: Set<Int> = []
    /// Hosts with a held request in progress.
    private var held: Set<Int> = []
    /// When a host was last asked to hold.
    private var lastHeld: [Int: Duration] = [:]
    /// The seconds for which each host is to hold its next request.
    private var nextHolds: [Int: Int] = [:]
    /// Hosts whose last answer was that nothing changed.
    private var unchanged: Set<Int> = []
    private var round = HoldRound()

    private static let shortestHold = Duration.milliseconds(200)

    /// - Parameter holdsConverged: true to hold the requests to converged hosts, too.
    init(limit: Int, interval: Duration, holdsConverged: Bool = false) {
        self.limit = limit
        self.interval = interval
        self.holdsConverged = holdsConverged
    }

    /// The time of the next request to a host, which without long polls would be sent at `moment`.
    ///
    /// - Parameters:
    ///   - isEarly: true if the last answer was from before the start, so waiting is pointless.
    ///   - isBehind: true if other hosts wait for their turn, which a long poll would take.
    mutating func schedule(
        _ host: Int, at moment: Duration, now: Duration, status: HostStatus, isEarly: Bool = false,
        isBehind: Bool = false
    ) -> Duration {
        nextHolds[host] = nil
        // A held answer does not bring the next request forward, even if the host changes constantly.
        let regular = max(moment, now + interval)
        let start = max(now, lastHeld[host].map { $0 + Self.shortestHold } ?? now)
        guard lastDocuments[host] != nil, !isEarly, regular - start >= .seconds(1),
            canHold(host, status: status, isBehind: isBehind)
        else {
            // The document is not needed then, and a fleet's documents are large.
            lastDocuments[host] = nil
            return moment
        }
        // Only where nothing ends with the proof: elsewhere a few wake-ups cost less than a late one.
        guard holdsConverged else {
            nextHolds[host] = Int((regular - start).components.seconds)
            return start
        }
        let (begin, seconds) = round.join(from: start, until: regular, canWait: unchanged.contains(host))
        nextHolds[host] = seconds
        return begin
    }

    /// True if the host's next document is needed as a whole, so that the request after it can be a long poll.
    func needsDocument(_ host: Int, status: HostStatus, isBehind: Bool) -> Bool {
        lastDocuments[host] == nil && canHold(host, status: status, isBehind: isBehind)
    }

    private func canHold(_ host: Int, status: HostStatus, isBehind: Bool) -> Bool {
        let isAwaited = status.isAwaited || holdsConverged && status == .converged
        return isAwaited && !isBehind && held.count + nextHolds.count < limit && !unsupported.contains(host)
    }

    /// The hold of a request that is sent now; nil for a plain request.
    mutating func takeHold(_ host: Int, now: Duration) -> Hold? {
        guard let tag = lastDocuments[host]?.tag, let seconds = nextHolds.removeValue(forKey: host) else { return nil }
        held.insert(host)
        lastHeld[host] = now
        return Hold(tag: tag, seconds: min(seconds, BuildinfoProtocol.maximumWait))
    }

    /// The finding of an answer; a 304 repeats the last document.
    mutating func finding(
        _ reading: SessionEvent.Reading, host: Int, nonce: String, answeredAt: Duration
    ) -> Sample.Answer {
        unchanged.remove(host)
        if held.remove(host) != nil, !reading.validators.wasHeld {
            // A failed request is sent again without a tag. A host that did not hold this request will not hold the next.
            if reading.validators.status == nil { lastDocuments[host] = nil } else { unsupported.insert(host) }
        }
        switch reading.finding {
        case .document(let document):
            lastDocuments[host] = reading.validators.tag.flatMap { tag in
                // Only the host's own answer can be referred to later.
                guard document.nonce == nonce, document.host.id == reading.validators.host else { return nil }
                return LastDocument(
                    tag: tag, document: document,
                    observedAt: answeredAt - Duration(clampingSeconds: document.ageSeconds))
            }
            return reading.finding
        case .repeated:
            // The tag may be another one now: with an outdated tag, every request would be answered at once.
            lastDocuments[host] = nil
            return reading.finding
        case .plain: return reading.finding
        case .unusable:
            guard reading.validators.isUnchanged, let before = lastDocuments[host] else { return reading.finding }
            guard reading.validators.host == before.document.host.id else {
                lastDocuments[host] = nil
                return .unusable(.httpStatus, detail: "answered HTTP 304 without proof of being the same host")
            }
            let finding = repeated(before, reading.validators, answeredAt: answeredAt)
            if case .document = finding { unchanged.insert(host) }
            return finding
        }
    }

    /// "Not modified" proves only what its headers prove: without them it may come from a cache.
    private func repeated(
        _ before: LastDocument, _ validators: ResponseValidators, answeredAt: Duration
    ) -> Sample.Answer {
        guard let age = validators.age else {
            return .unusable(.httpStatus, detail: "answered HTTP 304 without the age of its observation")
        }
        var document = before.document
        document.nonce = validators.nonce
        document.ageSeconds = age
        // Advance the host's clock by the time that has passed since.
        let passed = answeredAt - Duration(clampingSeconds: age) - before.observedAt
        document.observedAt =
            Date(rfc3339: document.observedAt)?.addingTimeInterval(passed.seconds).rfc3339 ?? document.observedAt
        return .document(document)
    }
}

/// Lets the held requests of a calm fleet end together, so that an idle collector wakes up once a round, not once a host.
///
/// Hosts are asked to hold for whole seconds. A host in another phase therefore takes a shorter hold first, and is asked up to
/// a second later once; after that it is in step.
struct HoldRound {
    private var end = Duration.zero
    private var room = 0

    /// Answers that come this much after the first one of their round still belong to it.
    private static let tolerance = Duration.milliseconds(200)
    /// The most hosts of one round. The answers of more would delay the news of a change among them.
    private static let size = 128

    /// When to ask a host, and for how many seconds it is to hold.
    ///
    /// - Parameters:
    ///   - start: when it could be asked.
    ///   - limit: the latest end of its hold, at least one second later.
    ///   - canWait: false to ask at `start` in any case: a host that has just changed may change again.
    mutating func join(from start: Duration, until limit: Duration, canWait: Bool) -> (begin: Duration, seconds: Int) {
        let isOpen = room > 0 && start <= end + Self.tolerance
        let left = min(end + Self.tolerance, limit) - start
        if isOpen, left >= .seconds(1) {
            room -= 1
            let seconds = left.components.seconds
            return (canWait ? max(start, end - .seconds(seconds)) : start, Int(seconds))
        }
        // It ends in less than a second, so the next one begins then.
        let begin = isOpen && canWait ? max(start, end) : start
        let seconds = max(1, (limit - begin).components.seconds)
        (end, room) = (begin + .seconds(seconds), Self.size - 1)
        return (begin, Int(seconds))
    }
}

extension HostStatus {
    /// True if a change of the host is expected.
    fileprivate var isAwaited: Bool {
        switch self {
        case .soaking, .converged, .flapping: false
        default: true
        }
    }
}
