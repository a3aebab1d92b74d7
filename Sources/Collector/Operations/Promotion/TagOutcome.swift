import Shared
import Verdict

/// What a tag that was read says about a change of it: before the PUT, and after a promotion that was cut off.
///
/// Registries have no compare-and-swap. A digest that is neither what was intended nor what was there before is another
/// writer's.
enum TagOutcome {
    /// - Parameters:
    ///   - now: what the tag is; nil where it is nothing.
    ///   - former: what it was before.
    static func state(now: Digest?, intended: Digest, former: Digest?) -> JournalEntry.State {
        if now == intended { return .moved }
        return now == former ? .unmoved : .contested
    }
}

/// What reads of a tag in a row say: how long it has shown one and the same thing.
struct TagSteadiness: Hashable, Sendable {
    private(set) var shown: Digest?
    private var since: Duration?
    private var last = Duration.zero
    private var reads = 0

    /// So many reads, on connections of their own, over so long: a machine that lags is not asked every time, and one that
    /// is asked every time does not lag for ever.
    static let minimumReads = 3
    static let minimumTime = Duration.seconds(2)

    /// How long it has been there, by the reads alone.
    var span: Duration { since.map { last - $0 } ?? .zero }
    var isSteady: Bool { reads >= Self.minimumReads && span >= Self.minimumTime }

    mutating func read(_ digest: Digest?, at moment: Duration) {
        if since == nil || digest != shown { (shown, since, reads) = (digest, moment, 0) }
        reads += 1
        last = moment
    }

    mutating func forget() { self = TagSteadiness() }
}

/// From what the registry said to a PUT and what the tag shows afterwards to what is known: a pure state machine, without a
/// clock.
///
/// | the registry said | the tag shows | finding |
/// |---|---|---|
/// | anything | what was intended, once | moved |
/// | acknowledged it, or its answer was lost | what it was before | open, once the time is up |
/// | refused it, or was not asked yet | what it was before | unmoved, at once |
/// | anything | a third digest, steadily | contested |
/// | anything | an earlier promotion, or nothing where there was something | contested, once the time is up and it is steady |
/// | anything | nothing that can be read, or one thing after the other | open, once the time is up |
///
/// An earlier promotion is a third digest, too; but a copy that lags further behind shows just that.
struct TagReadback: Sendable {
    /// What the registry said to the PUT.
    enum Answer: CaseIterable, Hashable, Sendable { case notAsked, acknowledged, refused, lost }

    package enum Reading: Hashable, Sendable {
        /// nil for nothing.
        case shows(Digest?)
        case unreadable
    }

    package enum Finding: Hashable, Sendable {
        /// Read it again.
        case wait
        case moved
        case unmoved
        /// Another writer's.
        case contested(Digest?)
        /// It is not known, and the journal must not say that it is.
        case open
    }

    let intended: Digest
    let former: Digest?
    /// Digests of earlier promotions of the tag.
    var earlier: Set<Digest> = []
    let answer: Answer
    /// How long what was acknowledged may take to show.
    let timeout: Duration
    private(set) var steadiness = TagSteadiness()

    init(intended: Digest, former: Digest?, earlier: Set<Digest> = [], answer: Answer, timeout: Duration) {
        (self.intended, self.former, self.earlier) = (intended, former, earlier)
        (self.answer, self.timeout) = (answer, timeout)
    }

    /// - Parameter moment: since the first read.
    mutating func read(_ reading: Reading, at moment: Duration) -> Finding {
        let isOver = moment >= timeout
        guard case .shows(let digest) = reading else { return isOver ? .open : .wait }
        steadiness.read(digest, at: moment)
        switch TagOutcome.state(now: digest, intended: intended, former: former) {
        case .moved: return .moved
        case .unmoved where answer == .notAsked || answer == .refused: return .unmoved
        case .unmoved, .intended: return isOver ? .open : .wait
        case .contested:
            let mayLag = digest.map(earlier.contains) ?? true
            if steadiness.isSteady, isOver || !mayLag { return .contested(digest) }
            return isOver ? .open : .wait
        }
    }
}

/// From what a promoted tag shows while its build is verified to whether somebody moved it: a pure state machine.
///
/// What was there before the promotion may come from a machine of the registry's that lags, and so decides nothing until it
/// has been there for the whole time; it is never a newer promotion. Where that is not known, any other build may be it.
struct TagUncertainty: Sendable {
    enum Standing: Hashable, Sendable {
        /// What was promoted; or nothing, which is no newer promotion.
        case promoted
        /// Something else, for a time that decides nothing.
        case doubted(Digest)
        case moved(Digest)
    }

    let promoted: Digest
    /// What the tag was before, and before that.
    var earlier: Set<Digest>
    /// Whether ``earlier`` holds what the tag was right before, so that anything else is another writer's.
    var isFormerKnown: Bool
    let timeout: Duration
    private var steadiness = TagSteadiness()

    init(promoted: Digest, earlier: Set<Digest>, isFormerKnown: Bool, timeout: Duration) {
        (self.promoted, self.earlier) = (promoted, earlier)
        (self.isFormerKnown, self.timeout) = (isFormerKnown, timeout)
    }

    mutating func read(_ digest: Digest?, at moment: Duration) -> Standing {
        guard let digest, digest != promoted else {
            steadiness.forget()
            return .promoted
        }
        steadiness.read(digest, at: moment)
        let mayLag = !isFormerKnown || earlier.contains(digest)
        guard steadiness.isSteady, !mayLag || steadiness.span >= timeout else { return .doubted(digest) }
        return .moved(digest)
    }
}
