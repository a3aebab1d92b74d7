import CollectorSupport
import Evidence
import Foundation
import Reports
package import Shared
import Synchronization
package import Transfer
import Verdict

/// A verification that a collector service runs, followed from here.
///
/// The service's evidence is replayed as it is written, by the state machine that a local run uses: progress, reports and exit
/// code come from the same code, and the verdict holds only if it follows from the evidence.
package struct RemoteVerification: Sendable {
    private let client: ServiceClient
    /// The image that the service takes the target from; nil for a target that is known here.
    private let image: ImageReference?
    /// The policy's values as typed, by their keys; nothing that the fleet's policy should decide.
    private let policy: [String: [String]]
    /// How long the service may take until the evidence says so.
    private let timeout: Duration
    private let environment: [String: String]

    /// How long the service may be away after the verification's deadline, and before its first answer.
    var grace = Duration.seconds(60)
    /// How long the service may be away before people are told.
    var silence = Duration.seconds(3)
    /// How long an interruption waits for the service.
    static let interruptionPatience = Duration.seconds(1)
    private static let heartbeat = Duration.milliseconds(100)
    /// The pause after an answer without news, in case a proxy keeps the service from holding it.
    private static let pause = Duration.milliseconds(200)
    /// The most verifications of one run that are over before another one starts.
    private static let longestChain = 100

    package init(
        address: ServiceAddress, identity: ServiceIdentity, certificateAuthorities: String?, web: WebClient,
        image: ImageReference? = nil, policy: [String: [String]], timeout: Duration, environment: [String: String]
    ) {
        client = ServiceClient(
            address: address, identity: identity, certificateAuthorities: certificateAuthorities, web: web)
        self.image = image
        self.policy = policy
        self.timeout = timeout
        self.environment = environment
    }

    var place: String { "\(client.address)" }

    // MARK: - The request

    private struct Body: Encodable {
        let service: String
        let environment: String
        let gitSHA: String?
        let digest: String?
        let image: String?
        let content: PromotedContent?
        let change: JournalEntry.Kind?
        let policy: [String: Values]?

        enum CodingKeys: String, CodingKey {
            case service, environment, digest, image, content, change, policy
            case gitSHA = "git_sha"
        }
    }

    /// One value as a text, several as a list.
    private struct Values: Encodable {
        let texts: [String]

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            if texts.count == 1 { try container.encode(texts[0]) } else { try container.encode(texts) }
        }
    }

    private func body(of target: Target, _ change: JournalEntry.Kind?) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(
            try encoder.encode(
                Body(
                    service: target.service, environment: "\(target.environment)", gitSHA: target.gitSHA?.hex,
                    digest: target.digest.map { "\($0)" }, image: image.map { "\($0)" }, content: target.content,
                    change: change, policy: policy.isEmpty ? nil : policy.mapValues(Values.init(texts:)))))
    }

    /// Requires that the service would start a verification of a target: that it is reached and knows the fleet, that this run
    /// has access, and that policy and inventory suffice.
    ///
    /// - Parameter announce: called with a sentence if that takes long.
    /// - Throws: ``ServiceError``.
    func check(
        _ target: Target, of change: JournalEntry.Kind?, announce: @escaping @Sendable (String) -> Void
    ) async throws {
        let body = try body(of: target, change)
        let progress = Progress(deadline: .now + grace, announce: announce)
        try await retrying(progress) { () async throws(RequestFailure) in try await client.check(body) }
    }

    // MARK: - Follow

    private enum Event: Sendable {
        /// Bytes of evidence.
        case evidence([UInt8])
        /// The service's own report: nil if it has none.
        case report(ServiceClient.Summary?)
        case failed(any Error)
        case signal(Int32)
        /// The service took an interruption, or not; nil for no answer.
        case interrupted(Bool)
        case woke
    }

    /// What the tasks of one run share.
    private final class Progress: Sendable {
        private struct State {
            var id: String?
            var deadline: ContinuousClock.Instant
        }

        private let state: Mutex<State>
        let announce: @Sendable (String) -> Void

        init(deadline: ContinuousClock.Instant, announce: @escaping @Sendable (String) -> Void) {
            state = Mutex(State(deadline: deadline))
            self.announce = announce
        }

        var id: String? {
            get { state.withLock { $0.id } }
            set { state.withLock { $0.id = newValue } }
        }
        var deadline: ContinuousClock.Instant {
            get { state.withLock { $0.deadline } }
            set { state.withLock { $0.deadline = newValue } }
        }
    }

    /// Starts the verification there, or joins it, and follows it to its end.
    ///
    /// - Parameters:
    ///   - change: what moved the tag to the target; nil if nothing is known.
    ///   - observers: shown what the evidence shows.
    ///   - evidence: gets a copy of the evidence; nil if no file is wanted.
    ///   - announce: called with sentences for people: which verification it is, and that the service gives no answer.
    /// - Throws: ``ServiceError``.
    func outcome(
        for target: Target, of change: JournalEntry.Kind?, observers: [any SessionObserver], signals: SessionWatch,
        evidence: EvidenceFile?, announce: @escaping @Sendable (String) -> Void
    ) async throws -> VerificationOutcome {
        let body = try body(of: target, change)
        let key = RunKey(of: body, environment: environment)
        let clock = ContinuousClock()
        let progress = Progress(deadline: clock.now + grace, announce: announce)
        let (events, yield) = AsyncStream.makeStream(of: Event.self)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask { await follow(body, key, progress) { yield.yield($0) } }
            group.addTask {
                await signals.run { event in
                    if case .signal(let number) = event { yield.yield(.signal(number)) }
                }
            }
            group.addTask {
                while !Task.isCancelled {
                    do { try await Task.sleep(for: Self.heartbeat) } catch { return }
                    yield.yield(.woke)
                }
            }
            var run = FollowedRun(
                target: target, image: image, place: place, observers: observers, file: evidence)
            for await event in events {
                switch event {
                case .evidence(let bytes):
                    try await run.take(bytes, of: progress.id)
                    if let deadline = run.deadline { progress.deadline = deadline + grace }
                case .report(let report): return try await run.ended(report)
                case .failed(let error):
                    guard run.signal == nil else { return try await run.interrupted(at: clock.now, isConfirmed: false) }
                    throw error
                case .signal(let number):
                    guard run.signal == nil else { break }
                    run.signal = number
                    run.patience = clock.now + Self.interruptionPatience
                    group.addTask { yield.yield(.interrupted(await interrupt(progress, signal: number))) }
                case .interrupted(let isConfirmed): run.isInterrupted = isConfirmed
                case .woke: run.show(at: clock.now)
                }
                if run.signal != nil, run.hasVerdict || clock.now >= run.patience {
                    return try await run.interrupted(at: clock.now, isConfirmed: run.isInterrupted)
                }
            }
            throw CancellationError()
        }
    }

    private func follow(
        _ body: [UInt8], _ first: RunKey, _ progress: Progress, _ yield: @Sendable (Event) -> Void
    ) async {
        do {
            let (id, isNew) = try await started(body, first, progress)
            progress.id = id
            progress.announce("\(isNew ? "Started" : "Joined") \(place)/verifications/\(id)")
            var offset = 0
            var isLast = false
            while !isLast {
                let start = offset
                let part = try await retrying(progress) { () async throws(RequestFailure) in
                    try await client.evidence(of: id, from: start, hold: ServiceClient.hold)
                }
                offset += part.bytes.count
                isLast = part.end == offset
                yield(.evidence(part.bytes))
                if part.bytes.isEmpty, !isLast { try await Task.sleep(for: Self.pause) }
            }
            while true {
                let state = try await retrying(progress) { () async throws(RequestFailure) in
                    try await client.state(of: id, hold: ServiceClient.hold)
                }
                if state.isFinished { return yield(.report(state.report)) }
                try await Task.sleep(for: Self.pause)
            }
        } catch {
            if !Task.isCancelled { yield(.failed(error)) }
        }
    }

    /// The verification that this run starts or joins, and true if it starts it: never one that is over, whose verdict is an
    /// old one.
    private func started(
        _ body: [UInt8], _ first: RunKey, _ progress: Progress
    ) async throws -> (id: String, isNew: Bool) {
        var key = first
        for _ in 1...Self.longestChain {
            let now = key
            let (state, isNew) = try await retrying(progress) { () async throws(RequestFailure) in
                try await client.start(body, key: now, readsImage: image != nil)
            }
            progress.deadline = ContinuousClock.now + timeout + grace
            // A new one can be over at once, for example with an inventory that has shrunk.
            guard state.isFinished, !isNew else { return (state.id, isNew) }
            key = key.next(after: state.id)
        }
        throw ServiceError.foreign("\(place) starts no verification: every one that it names is over; check --server")
    }

    private func interrupt(_ progress: Progress, signal: Int32) async -> Bool {
        let clock = ContinuousClock()
        let limit = clock.now + Self.interruptionPatience
        // The answer to the start may be on its way.
        while progress.id == nil, clock.now < limit {
            do { try await Task.sleep(for: .milliseconds(20)) } catch { return false }
        }
        guard let id = progress.id else { return false }
        do {
            return try await client.interrupt(id, signal: signal, within: Self.interruptionPatience)
        } catch {
            return false
        }
    }

    /// Sends a request again until an answer can be used, or the deadline has passed.
    private func retrying<Value: Sendable>(
        _ progress: Progress, _ work: @Sendable () async throws(RequestFailure) -> Value
    ) async throws -> Value {
        let clock = ContinuousClock()
        let start = clock.now
        var pause = Duration.milliseconds(200)
        var renewals = 0
        var isAnnounced = false
        while true {
            try Task.checkCancellation()
            do throws(RequestFailure) {
                return try await work()
            } catch {
                switch error {
                // A service that was killed before it recorded the verification.
                case .final(.refused(404, let detail)) where progress.id != nil:
                    throw ServiceError.lost(detail, after: clock.now - start, verification: progress.id)
                case .final(let error): throw error
                // Once the verification is known, this is a proxy whose service is away.
                case .foreign(let detail) where progress.id == nil: throw ServiceError.foreign(detail)
                case .rejected(let detail):
                    renewals += 1
                    guard renewals < 2 else { throw ServiceError.denied(detail) }
                case .transient(let detail), .foreign(let detail):
                    guard clock.now + pause < progress.deadline else {
                        throw ServiceError.lost(detail, after: clock.now - start, verification: progress.id)
                    }
                    if !isAnnounced, clock.now - start >= silence {
                        isAnnounced = true
                        let left = (progress.deadline - clock.now).brief
                        progress.announce("\(place) gives no usable answer: \(detail); trying again for \(left)")
                    }
                    try await Task.sleep(for: pause)
                    pause = min(pause * 2, .seconds(5))
                }
            }
        }
    }
}

/// The state of a run that follows a service's verification.
private struct FollowedRun {
    private let target: Target
    /// The image that the service was asked to take the target from.
    private let image: ImageReference?
    private let place: String
    private var observers: [any SessionObserver]
    private let file: EvidenceFile?
    private var follower: EvidenceFollower
    private var written = 0
    private var changes: [HostChange] = []
    /// When the verification began, by this process's clock.
    private var start: ContinuousClock.Instant?
    private var fileProblem: String?
    /// The signal that interrupts this run.
    var signal: Int32?
    /// When an interrupted run ends without the service.
    var patience = ContinuousClock.now
    /// True if the service took the interruption.
    var isInterrupted = false

    init(
        target: Target, image: ImageReference?, place: String, observers: [any SessionObserver], file: EvidenceFile?
    ) {
        self.target = target
        self.image = image
        self.place = place
        self.observers = observers
        self.file = file
        let documents = DocumentReader()
        follower = EvidenceFollower(named: "the evidence of \(place)") { documents.read($0)?.document }
    }

    var hasVerdict: Bool { follower.hasVerdict }

    /// When the verification must be over; nil before it is known.
    var deadline: ContinuousClock.Instant? {
        guard let start, let policy = follower.start?.policy else { return nil }
        return start + policy.timeout
    }

    /// - Parameter id: the verification that the service named.
    mutating func take(_ bytes: [UInt8], of id: String?) async throws {
        if !bytes.isEmpty { await write(bytes) }
        var observers = observers
        var changes = changes
        do throws(EvidenceError) {
            try follower.take(bytes) { input, actions, verification in
                for index in observers.indices { observers[index].took(input, actions, by: verification) }
                for case .changed(let host, let transition) in actions {
                    changes.append(HostChange(host: host, transition: transition))
                }
            }
        } catch {
            throw ServiceError.disagrees("\(error)")
        }
        (self.observers, self.changes) = (observers, changes)
        if let begun = follower.start, start == nil { try check(begun, of: id) }
        let now = ContinuousClock.now
        // The evidence is at least as old as its last input.
        if follower.start != nil { start = min(start ?? now, now - follower.latest) }
        show(at: now)
    }

    /// The evidence of another verification, or of another target, would prove something else.
    ///
    /// An image's digest is the one that the service read, unless it was given here, too.
    private func check(_ begun: EvidenceStart, of id: String?) throws(ServiceError) {
        let theirs = begun.target
        guard begun.verification == id, theirs.service == target.service, theirs.environment == target.environment,
            target.gitSHA == nil || theirs.gitSHA == target.gitSHA,
            target.digest == nil || theirs.digest == target.digest,
            image.map({ theirs.image == "\($0)" && theirs.digest != nil }) ?? true
        else { throw .disagrees("its evidence is of another verification than the one that was asked for") }
    }

    private mutating func write(_ bytes: [UInt8]) async {
        guard let file, fileProblem == nil else { return }
        do {
            try await file.write(bytes, isFirst: written == 0)
            written += bytes.count
        } catch {
            fileProblem = "\(error)"
        }
    }

    mutating func show(at now: ContinuousClock.Instant) {
        guard let verification = follower.verification, let start, !follower.hasVerdict else { return }
        let moment = max(follower.latest, now - start)
        for index in observers.indices { observers[index].turned(changes, of: verification, at: moment) }
        changes.removeAll(keepingCapacity: true)
    }

    // MARK: - The end

    /// The outcome of a verification that is over.
    ///
    /// - Throws: ``ServiceError`` if the service's report says something else than the evidence.
    mutating func ended(_ report: ServiceClient.Summary?) async throws -> VerificationOutcome {
        guard let report else { throw ServiceError.foreign("\(place) has no report of the verification") }
        let hasVerdict = hasVerdict
        let ended = try concluded()
        guard report.verdict == ended.conclusion.verdict.rawValue,
            !hasVerdict || report.exitCode == ended.conclusion.exitCode
        else {
            throw ServiceError.disagrees(
                "its evidence leads to '\(ended.conclusion.verdict.rawValue)' (exit \(ended.conclusion.exitCode)), and it reports "
                    + "'\(Sanitizer.singleLine(report.verdict, limit: 40))' (exit \(report.exitCode))")
        }
        guard !hasVerdict || report.evidence?.hash == ended.context.evidence?.hash else {
            throw ServiceError.disagrees("its evidence is not the evidence that its report names")
        }
        var outcome = await finish(ended)
        let known = Set(outcome.report().warnings)
        for warning in report.warnings where !known.contains(warning) {
            outcome.context.closingNotes.append(Sanitizer.singleLine(warning, limit: 1_024))
        }
        if ended.conclusion.verdict == .interrupted {
            outcome.context.closingNotes.append(
                "the verification \(ended.context.id) was interrupted at the service: run this again")
        }
        return outcome
    }

    /// The outcome of a run that a signal interrupted.
    mutating func interrupted(
        at now: ContinuousClock.Instant, isConfirmed: Bool
    ) async throws -> VerificationOutcome {
        guard let signal else { throw CancellationError() }
        let id = follower.start?.verification
        var outcome: VerificationOutcome
        if hasVerdict {
            outcome = await finish(try concluded())
        } else {
            var verification = follower.verification ?? Verification(target: target, hosts: [], policy: Policy())
            let moment = max(follower.latest, now - (start ?? now))
            _ = verification.take(.signal(signal, at: moment))
            guard let conclusion = verification.conclusion else { throw VerificationRunError.noConclusion }
            let startedAt = Date().addingTimeInterval(-moment.seconds)
            var context = ReportBuilder.Context(
                id: id ?? RunID.make(at: startedAt), startedAt: startedAt, finishedAt: Date(), inventorySource: place,
                inventoryHash: follower.start?.inventory.hash ?? "", warnings: follower.start?.warnings ?? [])
            do { context.evidence = try follower.conclude().context.evidence } catch { context.evidence = nil }
            outcome = await finish(verification, conclusion, context)
        }
        let name = id.map { "the verification \($0)" } ?? "the verification"
        outcome.context.closingNotes.append(
            isConfirmed || hasVerdict
                ? "\(name) was interrupted at \(place) as well"
                : "\(place) did not confirm the interruption: \(name) may still be under way there")
        return outcome
    }

    private mutating func concluded() throws -> Replay.Ended {
        do throws(EvidenceError) {
            return try follower.conclude()
        } catch {
            throw ServiceError.disagrees("\(error)")
        }
    }

    private mutating func finish(_ ended: Replay.Ended) async -> VerificationOutcome {
        await finish(ended.verification, ended.conclusion, ended.context)
    }

    private mutating func finish(
        _ verification: Verification, _ conclusion: Conclusion, _ context: ReportBuilder.Context
    ) async -> VerificationOutcome {
        for index in observers.indices {
            observers[index].turned(changes, of: verification, at: conclusion.at)
            observers[index].ended(verification, conclusion)
        }
        var context = context
        if let file, fileProblem == nil {
            do { try await file.close(after: written) } catch { fileProblem = "\(error)" }
        }
        if let fileProblem {
            context.evidence = nil
            context.closingNotes.append("the evidence of this verification is incomplete: \(fileProblem)")
        }
        return VerificationOutcome(verification: verification, conclusion: conclusion, context: context)
    }
}
