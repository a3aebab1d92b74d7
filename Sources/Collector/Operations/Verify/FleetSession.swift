import Foundation
import Shared
import Synchronization
import Transfer
package import Verdict

/// The shell around ``Verification``: sends the requests that it asks for, and feeds it the answers.
///
/// Every decision is made there. This type only contributes the clock, the requests and the events.
struct FleetSession: Sendable {
    let transfers: SessionTransfers
    /// The credentials of each host, by its index.
    let credentials: @Sendable (Int) -> RequestCredentials
    /// Unguessable, and new for each run.
    let noncePrefix: String
    var watches: [SessionWatch] = []
    /// Carries out ``Verification/Action/learn(_:)``; required if the verification looks up digests.
    var learner: DigestResolver?
    /// Carries out ``Verification/Action/lookAtTag``; required if the verification watches a tag.
    var tagTrigger: TagReadTrigger?
    /// Collects the expiry dates of the hosts' certificates; nil to skip them.
    var certificates: CertificateExpiries?
    /// True to hold the requests to converged hosts, too: nothing ends with their proof, and a change matters at once.
    var holdsConverged = false
    /// The longest time between two steps, so that staleness, stall and progress are checked.
    var heartbeat = Duration.milliseconds(100)
    /// Ends the session early: `status` stops after one answer from each host.
    var isComplete: @Sendable (Verification) -> Bool = { _ in false }

    private let clock = ContinuousClock()
    /// How late a deadline may be met, so that not every request takes a timer of its own.
    private static let latency = Duration.milliseconds(100)
    /// The headers of every request.
    private static let headers: [(name: String, value: String)] = [
        ("Accept", "application/json"), ("Cache-Control", "no-cache"), ("Pragma", "no-cache"),
    ]
    /// Answers that one task decodes.
    private static let decodingBatch = 32

    init(
        transfers: SessionTransfers, noncePrefix: String, credentials: @escaping @Sendable (Int) -> RequestCredentials
    ) {
        self.transfers = transfers
        self.noncePrefix = noncePrefix
        self.credentials = credentials
    }

    /// Runs a verification to its conclusion, or until ``isComplete``.
    ///
    /// - Parameter initial: the verification before its start. It is made here, because a caller would hold it, and it is as
    ///   large as the one at the end.
    /// - Returns: the verification at its end, and its duration.
    func run(
        _ initial: @autoclosure () -> Verification, observers: [any SessionObserver]
    ) async -> (Verification, Duration) {
        let (events, yield) = AsyncStream.makeStream(of: SessionEvent.self)
        let start = clock.now
        var state = SessionState(
            initial(), noncePrefix: noncePrefix, limit: transfers.concurrency, holdsConverged: holdsConverged,
            heartbeat: heartbeat, observers: observers)
        let memory = state.memory
        let interruption = Interruption()
        await withDiscardingTaskGroup { group in
            for completions in transfers.completions {
                group.addTask {
                    // Decoding answers costs more than requesting them, so it is spread over the cores.
                    await withDiscardingTaskGroup { decoders in
                        for await batch in completions {
                            for start in stride(from: 0, to: batch.count, by: Self.decodingBatch) {
                                let part = batch[start..<min(start + Self.decodingBatch, batch.count)]
                                decoders.addTask { yield.yield(.completed(part.map(memory.read))) }
                            }
                        }
                    }
                }
            }
            for watch in watches {
                group.addTask {
                    await watch.run { event in
                        if case .signal(let number) = event { interruption.set(number) }
                        yield.yield(event)
                    }
                }
            }
            state.take(.started, now: .zero)
            // The deadline of the earliest timer that is set.
            var timer: Duration?
            submitDue(&state, start: start)
            state.notify(at: clock.now - start)
            var iterator = events.makeAsyncIterator()
            while state.verification.conclusion == nil, !isComplete(state.verification) {
                let now = state.moment(clock.now - start)
                let wanted = min(state.wake, now + heartbeat, state.verification.policy.timeout)
                // An earlier deadline needs another timer, unless it may be met some milliseconds late.
                if timer.map({ wanted + Self.latency < $0 }) ?? true {
                    let due = max(wanted, now + .milliseconds(2))
                    timer = due
                    let deadline = start + due
                    group.addTask {
                        do { try await ContinuousClock().sleep(until: deadline) } catch { return }
                        yield.yield(.woke)
                    }
                }
                guard let event = await iterator.next() else { break }
                // A signal goes before the answers that wait, of which a large fleet has thousands.
                handle(interruption.number.map(SessionEvent.signal) ?? event, &state, start: start)
                let moment = state.moment(clock.now - start)
                if case .woke = event, timer.map({ $0 <= moment }) ?? false { timer = nil }
                state.keepPace(at: moment)
                state.take(.time(moment), now: moment)
                submitDue(&state, start: start)
                state.notify(at: clock.now - start)
                if state.takeTagRequest() { tagTrigger?.readNow() }
                for digest in state.takeLookups() {
                    guard let learner else { continue }
                    group.addTask { yield.yield(.learned(await learner(digest))) }
                }
            }
            yield.finish()
            group.cancelAll()
        }
        let end = state.verification.conclusion?.at ?? (clock.now - start)
        return (state.verification, end)
    }

    private func handle(_ event: SessionEvent, _ state: inout SessionState, start: ContinuousClock.Instant) {
        let now = state.moment(clock.now - start)
        switch event {
        case .completed(let batch):
            for reading in batch {
                let answeredAt = reading.finishedAt - start
                let askedAt = reading.startedAt - start
                let suspended = state.verification.suspensions.overlap(askedAt, answeredAt)
                let pending = state.schedule.finish(
                    reading.id, latency: answeredAt - askedAt - suspended, lag: now - answeredAt)
                guard let pending else { continue }
                if let end = reading.certificateEnd { certificates?.note(end, of: pending.host) }
                let sample = Sample(
                    host: pending.host, askedAt: askedAt, answeredAt: answeredAt,
                    nonce: pending.nonce,
                    answer: state.longPolls.finding(
                        reading, host: pending.host, nonce: pending.nonce, answeredAt: answeredAt))
                state.take(.sample(sample), now: now)
            }
        case .woke: break
        case .signal(let number): state.take(.signal(number, at: now), now: now)
        case .promotions(let promotions): state.take(.promotions(promotions, at: now), now: now)
        case .learned(let image): state.take(.learned(image, at: now), now: now)
        case .moved(let tag): state.take(.moved(tag, at: now), now: now)
        case .tagSeen(let moment): state.take(.tagSeen(lookedAt: moment - start, at: now), now: now)
        case .listed(let names): state.take(.listed(names, at: now), now: now)
        }
    }

    private func submitDue(_ state: inout SessionState, start: ContinuousClock.Instant) {
        guard state.verification.conclusion == nil else { return }
        let now = state.moment(clock.now - start)
        let policy = state.verification.policy
        let due = state.schedule.takeDue(at: now)
        guard !due.isEmpty else { return }
        state.take(.asked(due.map(\.pending.host), at: now), now: now)
        let requests = due.map { id, pending in
            let url = state.verification.tracks[pending.host].host.url
            let separator = url.utf8.contains(UInt8(ascii: "?")) ? "&" : "?"
            let hold = state.longPolls.takeHold(pending.host, now: now)
            var request = TransferRequest(
                id: id, lane: pending.host,
                url: "\(url)\(separator)\(BuildinfoProtocol.nonceQueryItem)=\(pending.nonce)",
                headers: hold.map { Self.headers + $0.headers } ?? Self.headers,
                timeout: policy.requestTimeout + .seconds(hold?.seconds ?? 0), access: credentials(pending.host))
            request.asksCertificate = certificates?.isWanted(pending.host, url: url) ?? false
            return request
        }
        transfers.submit(requests)
    }
}

/// The signal that ends a session; nil before it arrives.
private final class Interruption: Sendable {
    private let signal = Mutex<Int32?>(nil)

    var number: Int32? { signal.withLock { $0 } }

    func set(_ number: Int32) { signal.withLock { $0 = $0 ?? number } }
}

/// The state that one step of a session leaves to the next.
private struct SessionState {
    private(set) var verification: Verification
    private var observers: [any SessionObserver]
    var schedule: PollSchedule
    var longPolls: LongPollPlanner
    let memory: AnswerMemory
    private var changes: [HostChange] = []
    private var lookups: [Digest] = []
    private var isTagRequested = false
    private var pulse: Pulse

    /// - Parameter limit: the most requests at once.
    init(
        _ initial: Verification, noncePrefix: String, limit: Int, holdsConverged: Bool, heartbeat: Duration,
        observers: [any SessionObserver]
    ) {
        verification = initial
        pulse = Pulse(turn: heartbeat)
        self.observers = observers
        memory = AnswerMemory(hosts: initial.tracks.count)
        let interval = initial.policy.interval
        schedule = PollSchedule(noncePrefix: noncePrefix, interval: interval, limit: limit)
        longPolls = LongPollPlanner(limit: limit / 2, interval: interval, holdsConverged: holdsConverged)
    }

    /// When the next request can be sent, unless something happens before.
    var wake: Duration { schedule.next ?? verification.policy.timeout }

    /// The present time, once the verification knows of a suspension before it.
    mutating func moment(_ now: Duration) -> Duration {
        if let suspension = pulse.beat(at: now, workDone: Pulse.processorTime) {
            schedule.resume(after: suspension)
            take(.suspended(suspension), now: now)
        }
        return now
    }

    /// The only way into the verification, so that observers see every input. Evidence ends with the conclusion, and so does
    /// what the report is made of.
    mutating func take(_ input: Verification.Input, now: Duration) {
        guard verification.conclusion == nil else { return }
        let actions = verification.take(input)
        for index in observers.indices { observers[index].took(input, actions, by: verification) }
        for action in actions {
            switch action {
            case .ask(let host, let at):
                let (status, isEarly, urgency) = verification.withTrack(host) {
                    ($0.status, $0.earlyAge != nil, $0.urgency)
                }
                let isBehind = verification.timing.interval > verification.policy.interval
                // An answer from before the start is requested again at once, without waiting for a change.
                let moment = longPolls.schedule(
                    host, at: at, now: now, status: status, isEarly: isEarly, isBehind: isBehind)
                schedule.schedule(host, at: moment, urgency)
                if longPolls.needsDocument(host, status: status, isBehind: isBehind) { memory.forget(host: host) }
            case .changed(let host, let transition):
                changes.append(HostChange(host: host, transition: transition))
            case .learn(let digest): lookups.append(digest)
            case .lookAtTag: isTagRequested = true
            case .concluded: break
            }
        }
    }

    /// Tells the verification which interval is kept, once it has changed enough to matter.
    mutating func keepPace(at now: Duration) {
        guard let kept = schedule.announcedInterval(at: now, known: verification.timing.interval) else { return }
        take(.paced(interval: kept, at: now), now: now)
    }

    /// The digests to look up in the registry, since the last call.
    mutating func takeLookups() -> [Digest] {
        defer { lookups = [] }
        return lookups
    }

    /// True if the tag is to be read, since the last call.
    mutating func takeTagRequest() -> Bool {
        defer { isTagRequested = false }
        return isTagRequested
    }

    mutating func notify(at now: Duration) {
        for index in observers.indices {
            observers[index].turned(changes, of: verification, at: now)
            if let conclusion = verification.conclusion { observers[index].ended(verification, conclusion) }
        }
        changes.removeAll(keepingCapacity: true)
    }
}

/// An event of a running verification.
package enum SessionEvent: Sendable {
    /// Requests that ended, with their decoded answers.
    case completed([Reading])
    /// The timer fired.
    case woke
    case signal(Int32)
    /// The service's promotions, read from the ledger again.
    case promotions([Promotion])
    /// The hosts that the inventory's source lists now.
    case listed(Set<String>)
    /// The registry's answer about a digest.
    case learned(DigestLookup)
    /// The image that the promoted tag points to instead; nil once it points to the promoted one again.
    case moved(RetaggedImage?)
    /// A requested read of the tag, begun at this moment, found the promoted image.
    case tagSeen(ContinuousClock.Instant)

    /// A request that ended, decoded but not yet judged.
    package struct Reading: Sendable {
        let id: UInt64
        let startedAt: ContinuousClock.Instant
        let finishedAt: ContinuousClock.Instant
        var finding: Sample.Answer
        var validators = ResponseValidators()
        /// As in ``TransferResponse/certificateEnd``.
        var certificateEnd: String?
    }
}

/// The transfer clients of one session. A large fleet is split between two threads, because one core of libcurl limits the
/// speed of a sweep. With TLS that begins at fewer hosts: a handshake costs several times the rest of a request.
struct TransferClients: Sendable {
    let all: [TransferClient]

    /// Fleets up to this size use one thread.
    private static let smallFleet = 2_000
    private static let smallSecureFleet = 50
    /// OpenSSL holds 60 KB for each idle connection, libcurl 2.5 KB.
    private static let keptSecureConnections = 1_000

    /// - Parameter keepsConnections: true if hosts are asked more than once.
    init(hosts: [ExpectedHost], concurrency: Int?, keepsConnections: Bool) throws(TransferClientError) {
        let openFiles = OpenFiles.raiseLimit()
        let secure = hosts.count { $0.url.lowercased().hasPrefix("https:") }
        let isLarge = hosts.count > Self.smallFleet || secure > Self.smallSecureFleet
        let isSplit = isLarge && ProcessInfo.processInfo.activeProcessorCount > 1 && concurrency != 1
        let count = isSplit ? 2 : 1
        // Each multi handle parses the trusted authorities once, which takes as long as twenty handshakes. On the other hand,
        // a connection cache slows down with its connections.
        let perHandle = secure > 0 ? 1_000 : 250
        var limits = TransferLimits(
            openFiles: openFiles / count, concurrency: concurrency.map { max(1, $0 / count) },
            multiHandles: min(max(1, hosts.count / count / perHandle), 32))
        if secure > 0 { limits.keptConnections = min(limits.keptConnections, Self.keptSecureConnections / count) }
        if !keepsConnections { limits.keptConnections = 0 }
        limits.clients = count
        var clients: [TransferClient] = []
        for place in 0..<count {
            limits.place = place
            clients.append(try TransferClient(limits: limits))
        }
        all = clients
    }

    func shutdown() async {
        for client in all { await client.shutdown() }
    }
}

extension AnswerMemory {
    /// Decodes the outcome of one request, whose lane is the host's index.
    func read(_ completion: TransferCompletion) -> SessionEvent.Reading {
        let host = completion.lane
        var reading = SessionEvent.Reading(
            id: completion.id, startedAt: completion.startedAt, finishedAt: completion.finishedAt,
            finding: .unusable(.never, detail: ""))
        switch completion.outcome {
        case .success(let response):
            reading.finding = read(
                status: response.status, headers: response.headers, body: response.body, host: host)
            if case .repeated = reading.finding {
                reading.validators = ResponseValidators(repeating: response.headers)
            } else {
                reading.validators = ResponseValidators(status: response.status, headers: response.headers)
            }
            reading.certificateEnd = response.certificateEnd
        case .failure(let failure):
            forget(host: host)
            reading.finding = .unusable(failure.reach, detail: failure.detail)
        }
        return reading
    }
}

extension TransferFailure {
    /// The failure as a fact about the host.
    var reach: RequestOutcome {
        switch self {
        case .dns: .dns
        case .refused: .refused
        case .timeout: .timeout
        case .tls: .tls
        case .tooLarge: .tooLarge
        case .protocolError: .protocolError
        case .local: .notSent
        // Nothing came from the host; the detail explains that the collector caused it.
        case .cancelled: .timeout
        }
    }
}

extension HostTracker {
    fileprivate var urgency: PollSchedule.Urgency {
        if facts.reach.isSilence, facts.reach != .never { return .silent }
        return status == .converged ? .settled : .open
    }
}
