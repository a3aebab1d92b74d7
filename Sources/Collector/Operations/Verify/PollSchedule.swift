import HeapModule
import Verdict

/// The queue of hosts by the time at which they are due, and the requests in progress: at most one per host.
///
/// Demand is fixed per host, and the machine's capacity is not. So the queue releases a request only when there is room for
/// its answer, and measures how late it was: ``keptInterval(at:)`` follows from that. A host that can settle something goes
/// first, by at most half of the kept interval, so that no host starves.
struct PollSchedule {
    private struct Due: Comparable {
        let at: Duration
        let host: Int

        static func < (left: Due, right: Due) -> Bool { (left.at, left.host) < (right.at, right.host) }
    }

    /// A request that was sent and has not ended.
    struct Pending {
        let host: Int
        let nonce: String
        fileprivate var isSlow = false
    }

    /// How urgent a host is.
    enum Urgency {
        /// Its answer can change its status.
        case open
        /// Its answer confirms what is known.
        case settled
        /// Its last request had no answer, and this one may wait for its whole timeout.
        case silent
    }

    private var open = Heap<Due>()
    private var settled = Heap<Due>()
    private var silent = Heap<Due>()
    private var pending: [UInt64: Pending] = [:]
    private var silentPending: Set<UInt64> = []
    private var lastID: UInt64 = 0
    private let noncePrefix: String
    private var window: RequestWindow
    private var pace: KeptPace
    /// The requests in progress in the order in which they were sent; some have ended since.
    private var sent: [(id: UInt64, at: Duration)] = []
    private var firstSent = 0

    /// The last time in which the collector did not run. A host did not wait for its turn then.
    private var suspension: Suspension?

    private static let announcedStep = 32

    /// - Parameters:
    ///   - noncePrefix: unguessable, and new for each verification, so that no answer to another one fits.
    ///   - interval: the wanted time between two requests to a host.
    ///   - limit: the most requests in progress.
    init(noncePrefix: String, interval: Duration, limit: Int = .max) {
        self.noncePrefix = noncePrefix
        window = RequestWindow(limit: limit)
        pace = KeptPace(interval: interval)
    }

    /// The interval that is really kept: the wanted one, plus the time for which hosts that were due had to wait.
    mutating func keptInterval(at now: Duration) -> Duration {
        pace.kept(at: now, overdue: max(wait(open, at: now), wait(settled, at: now)))
    }

    /// The kept interval, once it differs enough from the one that is known; nil if it does not.
    ///
    /// It is what was measured. While it grows, the known one is at most a 32nd below it.
    mutating func announcedInterval(at now: Duration, known: Duration) -> Duration? {
        let kept = keptInterval(at: now)
        // A growing queue is announced in steps, not on every turn.
        if kept > known { return kept - known > known / Self.announcedStep ? kept : nil }
        return kept < known && (kept * 4 < known * 3 || kept == pace.interval) ? kept : nil
    }

    /// When ``takeDue(at:)`` can release a request, unless one ends before; nil if it cannot.
    var next: Duration? {
        let heard = [open.min?.at, settled.min?.at].compactMap { $0 }.min()
        let unheard = silentHaveRoom ? silent.min?.at : nil
        let moments = [
            heard.flatMap { release(of: $0, hasRoom: window.hasRoom) },
            unheard.flatMap { release(of: $0, hasRoom: window.hasSilentRoom) },
        ]
        return moments.compactMap { $0 }.min()
    }

    /// The time at which a host can be queried: when it is due, or without room once a request in progress counts as slow.
    ///
    /// - Returns: nil if no request in progress can make room.
    private func release(of due: Duration, hasRoom: Bool) -> Duration? {
        if hasRoom { return due }
        guard window.hasSlots, firstSent < sent.count else { return nil }
        return max(due, sent[firstSent].at + window.patience)
    }

    mutating func schedule(_ host: Int, at moment: Duration, _ urgency: Urgency = .open) {
        let due = Due(at: moment, host: host)
        switch urgency {
        case .open: open.insert(due)
        case .settled: settled.insert(due)
        case .silent: silent.insert(due)
        }
    }

    /// Removes the hosts that are due, as far as there is room; each gets a request id and a nonce of its own.
    mutating func takeDue(at now: Duration) -> [(id: UInt64, pending: Pending)] {
        noteSlow(at: now)
        var taken: [(id: UInt64, pending: Pending)] = []
        while window.hasSilentShare, let host = takeSilent(at: now) {
            taken.append(send(host, at: now, isSilent: true))
        }
        while window.hasRoom, let host = takeFirst(at: now) { taken.append(send(host, at: now)) }
        while window.hasSilentRoom, let host = takeSilent(at: now) { taken.append(send(host, at: now, isSilent: true)) }
        if !window.hasRoom, wait(open, at: now) > .zero || wait(settled, at: now) > .zero { window.wasFull() }
        return taken
    }

    /// Removes the host whose turn it is; nil if none is due.
    private mutating func takeFirst(at now: Duration) -> Int? {
        let (openWait, settledWait) = (wait(open, at: now), wait(settled, at: now))
        guard max(openWait, settledWait) >= .zero else { return nil }
        let isOpen = openWait >= .zero && openWait + pace.current / 2 >= settledWait
        guard let first = isOpen ? open.popMin() : settled.popMin() else { return nil }
        pace.note(wait: elapsed(since: first.at, at: now), at: now)
        return first.host
    }

    /// Removes the silent host whose turn it is; nil if none is due, or silent hosts have their sockets.
    private mutating func takeSilent(at now: Duration) -> Int? {
        guard silentHaveRoom, let first = silent.min, first.at <= now else { return nil }
        silent.removeMin()
        return first.host
    }

    /// How long the first host of a queue has been due; negative if it is not.
    private func wait(_ queue: Heap<Due>, at now: Duration) -> Duration {
        queue.min.map { elapsed(since: $0.at, at: now) } ?? .nanoseconds(-1)
    }

    /// The time since a moment in which the collector ran; negative if it is yet to come.
    private func elapsed(since moment: Duration, at now: Duration) -> Duration {
        now - moment - (suspension?.overlap(moment, now) ?? .zero)
    }

    /// Keeps a suspension of the collector out of the kept interval: freshness must not follow it.
    mutating func resume(after suspension: Suspension) { self.suspension = suspension }

    /// Hosts that do not answer get half of the sockets at most.
    private var silentHaveRoom: Bool { silentPending.count < max(1, window.limit / 2) }

    private mutating func send(
        _ host: Int, at now: Duration, isSilent: Bool = false
    ) -> (id: UInt64, pending: Pending) {
        lastID += 1
        let request = Pending(host: host, nonce: "\(noncePrefix)-\(String(lastID, radix: 36))")
        pending[lastID] = request
        sent.append((lastID, now))
        if isSilent { silentPending.insert(lastID) }
        window.sent(isSilent: isSilent)
        return (lastID, request)
    }

    /// Ends a request; nil if the id is not in progress.
    ///
    /// - Parameters:
    ///   - latency: the time from the request to the end of its answer.
    ///   - lag: the time from then until now.
    mutating func finish(_ id: UInt64, latency: Duration = .zero, lag: Duration = .zero) -> Pending? {
        guard let request = pending.removeValue(forKey: id) else { return nil }
        let isSilent = silentPending.remove(id) != nil
        window.ended(isSlow: request.isSlow, isSilent: isSilent, latency: latency, lag: lag)
        return request
    }

    /// Frees the room of requests that take long, so that slow and dead hosts do not delay the others.
    private mutating func noteSlow(at now: Duration) {
        while firstSent < sent.count {
            let (id, at) = sent[firstSent]
            if pending[id] != nil {
                guard now - at >= window.patience else { break }
                pending[id]?.isSlow = true
                window.isSlow(isSilent: silentPending.contains(id))
            }
            firstSent += 1
        }
        if firstSent >= 1_024, firstSent * 2 >= sent.count {
            sent.removeFirst(firstSent)
            firstSent = 0
        }
    }
}

/// The number of requests that may be in progress at once. It grows while answers are processed as they arrive, and shrinks
/// when they wait.
///
/// Requests that take longer than most are counted apart: they occupy a socket, but no processor. Requests to silent hosts have
/// a share of their own: they neither take the places of others, nor wait for as long as others fill the window.
struct RequestWindow {
    /// The most requests in progress, slow ones included.
    let limit: Int
    private var size: Int
    private var quick = 0
    /// Requests to silent hosts that are not slow yet.
    private var silent = 0
    private var slow = 0
    private var latency = Duration.milliseconds(25)
    private var isFull = false

    /// The answers to this many requests are processed within milliseconds.
    private static let smallest = 256
    private static let largest = 1_000
    /// Answers that wait longer than this have arrived faster than they can be processed.
    private static let longestLag = Duration.milliseconds(50)

    init(limit: Int) {
        self.limit = max(1, limit)
        size = min(self.limit, Self.smallest)
    }

    var hasSlots: Bool { quick + silent + slow < limit }
    var hasRoom: Bool { quick < size && hasSlots }
    /// True if silent hosts have less than their share, which is theirs even while others wait.
    var hasSilentShare: Bool { silent < max(1, size / 4) && hasSlots }
    var hasSilentRoom: Bool { hasSilentShare || quick + silent < size && hasSlots }

    /// The time after which a request counts as slow: four times the usual latency, within 0.1 s and 1 s.
    var patience: Duration { min(max(latency * 4, .milliseconds(100)), .seconds(1)) }

    mutating func sent(isSilent: Bool = false) {
        if isSilent { silent += 1 } else { quick += 1 }
    }

    mutating func isSlow(isSilent: Bool = false) {
        if isSilent { silent -= 1 } else { quick -= 1 }
        slow += 1
    }

    /// Requests were held back.
    mutating func wasFull() { isFull = true }

    mutating func ended(isSlow: Bool, isSilent: Bool = false, latency: Duration, lag: Duration) {
        if isSlow {
            slow -= 1
        } else if isSilent {
            silent -= 1
        } else {
            quick -= 1
        }
        if lag > Self.longestLag {
            size = max(min(limit, Self.smallest), size - 1)
        } else if isFull {
            size = min(limit, Self.largest, size + 1)
        }
        isFull = false
        guard !isSlow, !isSilent else { return }
        self.latency = (self.latency * 31 + latency) / 32
    }
}

/// Measures the interval at which hosts are really queried.
///
/// The longest wait of the last one to two intervals counts, so that one quick request does not hide a queue.
struct KeptPace {
    /// The wanted interval.
    let interval: Duration
    /// The interval that was kept lately.
    private(set) var current: Duration
    private var before = Duration.zero
    private var latest = Duration.zero
    private var since = Duration.zero

    /// A wait below this, or below a quarter of the interval, is not one: timers and turns are not exact.
    private static let noise = Duration.milliseconds(250)

    init(interval: Duration) {
        self.interval = interval
        current = interval
    }

    mutating func note(wait: Duration, at now: Duration) {
        roll(to: now)
        latest = max(latest, wait)
    }

    /// - Parameter overdue: how long the host that is due next has been waiting.
    mutating func kept(at now: Duration, overdue: Duration) -> Duration {
        roll(to: now)
        let wait = max(before, latest, overdue)
        current = wait > max(Self.noise, interval / 4) ? interval + wait : interval
        return current
    }

    private mutating func roll(to now: Duration) {
        guard now - since >= max(.seconds(1), current) else { return }
        (before, latest, since) = (latest, .zero, now)
    }
}
