import Shared
import Transfer
import Verdict

/// The shell around ``Verification``: asks hosts when it says so, and hands it what comes back.
///
/// Everything that is decided is decided there; here are only the clock, the requests and the events.
struct FleetSession: Sendable {
    /// One a core at most; a host is always asked by the same one.
    let engines: [TransferClient]
    /// How each host is asked, by its index.
    let access: @Sendable (Int) -> RequestCredentials
    /// Unguessable, new for each run.
    let noncePrefix: String
    var watches: [SessionWatch] = []
    /// Carries out ``Verification/Action/learn(_:)``; needed where the verification learns images.
    var learner: DigestResolver?
    /// Carries out ``Verification/Action/lookAtTag``; needed where the verification watches a tag.
    var bell: TagChangeSignal?
    /// Learns when the hosts' certificates end; nil where nobody wants to know.
    var certificates: CertificateEnds?
    /// Ends the session early: `status` stops after one look at each host.
    var isComplete: @Sendable (Verification) -> Bool = { _ in false }

    private let clock = ContinuousClock()
    private let reader = ResponseDecoder()
    /// The longest time without a turn, so that staleness, stall and progress are looked at.
    private static let heartbeat = Duration.milliseconds(100)
    /// Answers that one task reads.
    private static let readingBatch = 32

    init(
        engines: [TransferClient], noncePrefix: String, access: @escaping @Sendable (Int) -> RequestCredentials
    ) {
        self.engines = engines
        self.noncePrefix = noncePrefix
        self.access = access
    }

    /// Runs a verification to its conclusion, or until ``isComplete``.
    ///
    /// - Returns: the verification as it ended, and how long it took.
    func run(_ initial: Verification, observers: [any SessionObserver]) async -> (Verification, Duration) {
        let (events, yield) = AsyncStream.makeStream(of: SessionEvent.self)
        let start = clock.now
        var turn = Turn(
            verification: initial, observers: observers, queue: PollSchedule(noncePrefix: noncePrefix),
            held: LongPollPlanner(
                limit: engines.reduce(0) { $0 + $1.concurrency } / 2, interval: initial.policy.interval))
        await withDiscardingTaskGroup { group in
            let reader = reader
            for engine in engines {
                group.addTask {
                    // Reading answers costs more than asking for them: it is spread over the cores.
                    await withDiscardingTaskGroup { readers in
                        for await batch in engine.completions {
                            for start in stride(from: 0, to: batch.count, by: Self.readingBatch) {
                                let part = batch[start..<min(start + Self.readingBatch, batch.count)]
                                readers.addTask { yield.yield(.completed(part.map(reader.read))) }
                            }
                        }
                    }
                }
            }
            for watch in watches {
                group.addTask { await watch { yield.yield($0) } }
            }
            turn.take(.started, now: .zero)
            var isTimerPending = false
            submitDue(&turn, start: start)
            turn.notify(at: clock.now - start)
            var iterator = events.makeAsyncIterator()
            while turn.verification.conclusion == nil, !isComplete(turn.verification) {
                let now = clock.now - start
                let wanted = min(turn.wake, now + Self.heartbeat, turn.verification.policy.timeout)
                // One timer at a time; an earlier wish may come some milliseconds late.
                if !isTimerPending {
                    isTimerPending = true
                    let deadline = start + max(wanted, now + .milliseconds(2))
                    group.addTask {
                        do { try await ContinuousClock().sleep(until: deadline) } catch { return }
                        yield.yield(.woke)
                    }
                }
                guard let event = await iterator.next() else { break }
                if case .woke = event { isTimerPending = false }
                handle(event, &turn, start: start)
                let moment = clock.now - start
                turn.take(.time(moment), now: moment)
                submitDue(&turn, start: start)
                turn.notify(at: clock.now - start)
                if turn.takeTagWish() { bell?.lookNow() }
                for digest in turn.takeQuestions() {
                    guard let learner else { continue }
                    group.addTask { yield.yield(.learned(await learner(digest))) }
                }
            }
            yield.finish()
            group.cancelAll()
        }
        let end = turn.verification.conclusion?.at ?? (clock.now - start)
        return (turn.verification, end)
    }

    private func handle(_ event: SessionEvent, _ turn: inout Turn, start: ContinuousClock.Instant) {
        let now = clock.now - start
        switch event {
        case .completed(let batch):
            for reading in batch {
                guard let pending = turn.queue.finish(reading.id) else { continue }
                let answeredAt = reading.finishedAt - start
                if let end = reading.certificateEnd { certificates?.note(end, of: pending.host) }
                let sample = Sample(
                    host: pending.host, askedAt: reading.startedAt - start, answeredAt: answeredAt,
                    nonce: pending.nonce,
                    answer: turn.held.finding(
                        reading, host: pending.host, nonce: pending.nonce, answeredAt: answeredAt))
                turn.take(.sample(sample), now: now)
            }
        case .woke: break
        case .signal(let number): turn.take(.signal(number, at: now), now: now)
        case .promotions(let promotions): turn.take(.promotions(promotions, at: now), now: now)
        case .learned(let image): turn.take(.learned(image, at: now), now: now)
        case .moved(let tag): turn.take(.moved(tag, at: now), now: now)
        case .tagSeen(let moment): turn.take(.tagSeen(lookedAt: moment - start, at: now), now: now)
        case .listed(let names): turn.take(.listed(names, at: now), now: now)
        }
    }

    private func submitDue(_ turn: inout Turn, start: ContinuousClock.Instant) {
        guard turn.verification.conclusion == nil else { return }
        let now = clock.now - start
        let policy = turn.verification.policy
        let due = turn.queue.takeDue(at: now)
        guard !due.isEmpty else { return }
        turn.take(.asked(due.map(\.pending.host), at: now), now: now)
        let requests = due.map { id, pending in
            let url = turn.verification.tracks[pending.host].host.url
            let separator = url.contains("?") ? "&" : "?"
            let terms = turn.held.terms(pending.host, now: now)
            var request = TransferRequest(
                id: id, lane: pending.host,
                url: "\(url)\(separator)\(BuildinfoProtocol.nonceQueryItem)=\(pending.nonce)",
                headers: [("Accept", "application/json"), ("Cache-Control", "no-cache"), ("Pragma", "no-cache")]
                    + (terms?.headers ?? []),
                timeout: policy.requestTimeout + .seconds(terms?.wait ?? 0), access: access(pending.host))
            request.asksCertificate = certificates?.isWanted(pending.host, url: url) ?? false
            return request
        }
        for (index, engine) in engines.enumerated() {
            engine.submit(engines.count == 1 ? requests : requests.filter { $0.lane % engines.count == index })
        }
    }

    /// The state that one turn hands to the next.
    private struct Turn {
        var verification: Verification
        var observers: [any SessionObserver]
        var queue: PollSchedule
        var held: LongPollPlanner
        private var changes: [HostChange] = []
        private var questions: [Digest] = []
        private var wantsTag = false

        init(verification: Verification, observers: [any SessionObserver], queue: PollSchedule, held: LongPollPlanner) {
            self.held = held
            self.verification = verification
            self.observers = observers
            self.queue = queue
        }

        /// When the next host is due.
        var wake: Duration { queue.next ?? verification.policy.timeout }

        /// Everything that the verification learns passes through here.
        mutating func take(_ input: Verification.Input, now: Duration) {
            let actions = verification.take(input)
            for index in observers.indices { observers[index].took(input, actions, by: verification) }
            for action in actions {
                switch action {
                case .ask(let host, let at):
                    let track = verification.tracks[host]
                    // What is from before the start is asked for again, and no change is waited for.
                    let isEarly = track.earlyAge != nil
                    queue.schedule(
                        host,
                        at: held.schedule(host, at: at, now: now, status: track.status, isEarly: isEarly))
                case .changed(let host, let transition):
                    changes.append(HostChange(host: host, transition: transition))
                case .learn(let digest): questions.append(digest)
                case .lookAtTag: wantsTag = true
                case .concluded: break
                }
            }
        }

        /// The digests that the registry is to be asked about, since the last time.
        mutating func takeQuestions() -> [Digest] {
            defer { questions = [] }
            return questions
        }

        /// Whether the tag is to be looked at, since the last time.
        mutating func takeTagWish() -> Bool {
            defer { wantsTag = false }
            return wantsTag
        }

        mutating func notify(at now: Duration) {
            for index in observers.indices {
                observers[index].turned(changes, of: verification, at: now)
                if let conclusion = verification.conclusion { observers[index].ended(verification, conclusion) }
            }
            changes.removeAll(keepingCapacity: true)
        }
    }
}

extension ResponseDecoder {
    /// Reads what came of one request.
    fileprivate func read(_ completion: TransferCompletion) -> SessionEvent.Reading {
        var reading = SessionEvent.Reading(
            id: completion.id, startedAt: completion.startedAt, finishedAt: completion.finishedAt,
            finding: .unusable(.never, detail: ""))
        switch completion.outcome {
        case .success(let response):
            reading.finding = read(status: response.status, headers: response.headers, body: response.body)
            reading.validation = ResponseValidators(status: response.status, headers: response.headers)
            reading.certificateEnd = response.certificateEnd
        case .failure(let failure): reading.finding = .unusable(failure.reach, detail: failure.detail)
        }
        return reading
    }
}

extension TransferFailure {
    /// What the failure says about the host.
    var reach: RequestOutcome {
        switch self {
        case .dns: .dns
        case .refused: .refused
        case .timeout: .timeout
        case .tls: .tls
        case .tooLarge: .tooLarge
        case .protocolError: .protocolError
        // Nothing came from the host; the detail says that it was the collector's fault.
        case .local, .cancelled: .timeout
        }
    }
}
