import CollectorSupport
import Registry
import Shared
import Verdict

/// The stability of a tag over consecutive reads: how long it has shown the same digest.
struct TagStability: Hashable, Sendable {
    private(set) var shown: Digest?
    private var since: Duration?
    private var last = Duration.zero
    private var reads = 0

    /// The reads, each on a new connection, and the time that make a tag stable. A lagging replica does not answer every
    /// request, and one that does answer them all does not lag forever.
    static let minimumReads = 3
    static let minimumTime = Duration.seconds(2)

    /// How long the reads have shown the digest.
    var span: Duration { since.map { last - $0 } ?? .zero }
    var isStable: Bool { reads >= Self.minimumReads && span >= Self.minimumTime }

    mutating func read(_ digest: Digest?, at moment: Duration) {
        if since == nil || digest != shown { (shown, since, reads) = (digest, moment, 0) }
        reads += 1
        last = moment
    }

    mutating func reset() { self = TagStability() }
}

/// The outcome of a change of a tag, from the registry's answer to the PUT and the tag's later reads. A pure state machine
/// without a clock.
///
/// Registries have no compare-and-swap. A digest that is neither the intended nor the former one is another writer's.
///
/// | the registry's answer | the tag shows | finding |
/// |---|---|---|
/// | any | the intended digest, once | moved |
/// | acknowledged or lost | the former digest | open, at the timeout |
/// | refused or not asked yet | the former digest | unmoved, at once |
/// | any | a third digest, stably | contested |
/// | any | an earlier promotion, or nothing instead of something | contested, at the timeout and if stable |
/// | any | nothing readable, or changing digests | open, at the timeout |
///
/// An earlier promotion is a third digest, too, but a replica that lags far behind shows exactly that.
struct TagReadback: Sendable {
    /// The registry's answer to the PUT.
    enum Answer: CaseIterable, Hashable, Sendable { case notAsked, acknowledged, refused, lost }

    enum Reading: Hashable, Sendable {
        /// nil if the tag does not exist.
        case shows(Digest?)
        case unreadable
    }

    enum Finding: Hashable, Sendable {
        /// Read the tag again.
        case wait
        case moved
        case unmoved
        /// Another writer's digest.
        case contested(Digest?)
        /// Unknown: the journal keeps the change open.
        case open
    }

    private let intended: Digest
    private let former: Digest?
    /// The digests of earlier promotions of the tag.
    private let earlier: Set<Digest>
    private let answer: Answer
    /// How long an acknowledged change may take to appear.
    private let timeout: Duration
    private(set) var stability = TagStability()

    init(intended: Digest, former: Digest?, earlier: Set<Digest> = [], answer: Answer, timeout: Duration) {
        (self.intended, self.former, self.earlier) = (intended, former, earlier)
        (self.answer, self.timeout) = (answer, timeout)
    }

    /// - Parameter moment: the time since the first read.
    mutating func read(_ reading: Reading, at moment: Duration) -> Finding {
        let isOver = moment >= timeout
        guard case .shows(let digest) = reading else { return isOver ? .open : .wait }
        stability.read(digest, at: moment)
        switch Self.state(now: digest, intended: intended, former: former) {
        case .moved: return .moved
        case .unmoved where answer == .notAsked || answer == .refused: return .unmoved
        case .unmoved, .intended: return isOver ? .open : .wait
        case .contested:
            let mayLag = digest.map(earlier.contains) ?? true
            if stability.isStable, isOver || !mayLag { return .contested(digest) }
            return isOver ? .open : .wait
        }
    }

    /// The state of a change by a single read of the tag.
    static func state(now: Digest?, intended: Digest, former: Digest?) -> JournalEntry.State {
        if now == intended { return .moved }
        return now == former ? .unmoved : .contested
    }
}

/// Reads a tag repeatedly until a ``TagReadback`` is decided.
struct TagReadbackPoller: Sendable {
    let registry: RegistryClient
    /// A signal ends the reading; an undecided change stays open.
    var interruption: SignalCancellation?

    /// The timeout of one read.
    private static let readTimeout = Duration.seconds(10)
    private static let pauses: [Duration] = [.milliseconds(250), .milliseconds(500)]

    struct Result: Sendable {
        let finding: TagReadback.Finding
        /// The last digest that the tag showed; nil if the tag does not exist or was never readable.
        let shown: Digest?
        /// The error of the last read.
        let failure: RegistryError?
    }

    /// - Parameter isPatient: true if the tag is read again after an error.
    func read(_ reference: ImageReference, _ initial: TagReadback, isPatient: Bool) async -> Result {
        let clock = ContinuousClock()
        let start = clock.now
        var readback = initial
        var count = 0
        while true {
            var failure: RegistryError?
            let reading: TagReadback.Reading
            do throws(RegistryError) {
                reading = .shows(try await registry.until(clock.now + Self.readTimeout).digest(ofTag: reference))
            } catch {
                (reading, failure) = (.unreadable, error)
            }
            let finding = readback.read(reading, at: clock.now - start)
            let shown = readback.stability.shown
            guard finding == .wait else { return Result(finding: finding, shown: shown, failure: failure) }
            let isEnough = (failure != nil && !isPatient) || interruption?.signal != nil
            guard !isEnough, await pause(count < Self.pauses.count ? Self.pauses[count] : .seconds(1)) else {
                return Result(finding: .open, shown: shown, failure: failure)
            }
            count += 1
        }
    }

    /// - Returns: false if the pause was cut short.
    private func pause(_ time: Duration) async -> Bool {
        let clock = ContinuousClock()
        let end = clock.now + time
        while clock.now < end {
            guard interruption?.signal == nil else { return false }
            do { try await clock.sleep(until: min(end, clock.now + .milliseconds(100))) } catch { return false }
        }
        return true
    }
}
