package import Shared

/// Waiting for the required contexts of a commit, as a state machine: readings and failures come in with the time, a verdict
/// comes out. No clock, no I/O.
///
/// All times are since the start.
package struct CIStateMachine: Sendable {
    /// Where one required context stands.
    package struct Track: Hashable, Sendable {
        package var context: String
        package var state = CIState.missing
        /// What the state means here.
        package var effect = CIState.missing.effect
        var row: CIRow?
        /// Everybody who reports under the name, and counts.
        var reporters: [CIReporter] = []
        /// Of a context that is missing: what others there are, one clause; nil where there are none.
        var hint: String?
        /// When the row that decides now was first seen, and when it was last seen.
        var firstSeen: Duration?
        var lastSeen: Duration?
        /// Whether anything was read of it at all.
        var isKnown = false

        package init(
            context: String, state: CIState = CIState.missing, effect: CIState.Effect = CIState.missing.effect,
            row: CIRow? = nil, reporters: [CIReporter] = [], hint: String? = nil, firstSeen: Duration? = nil,
            lastSeen: Duration? = nil, isKnown: Bool = false
        ) {
            self.context = context
            self.state = state
            self.effect = effect
            self.row = row
            self.reporters = reporters
            self.hint = hint
            self.firstSeen = firstSeen
            self.lastSeen = lastSeen
            self.isKnown = isKnown
        }
    }

    package let sha: GitSHA
    package let timeout: Duration
    package let interval: Duration
    /// Only this app's check runs count; nil for all.
    package let checkApp: String?
    /// The contexts for which `skipped` is as good as `success`.
    package let allowedSkips: Set<String>

    /// In the order in which the contexts were named.
    package private(set) var tracks: [Track]
    private(set) var readings = 0
    private(set) var lastReading: Duration?
    private(set) var failures = 0
    /// Why the last request failed; nil once one was answered.
    package private(set) var trouble: ForgeError?
    /// Why the last reading could not tell runs apart; nil where it could, or did not have to.
    private(set) var runsTrouble: String?
    package private(set) var verdict: CIVerdict?
    private(set) var endedAt: Duration?
    private var pauseUntil = Duration.zero

    /// - Parameter contexts: at least one. Nothing is green because nothing was asked for.
    init(
        sha: GitSHA, contexts: [String], checkApp: String? = nil, allowedSkips: Set<String> = [],
        timeout: Duration = .seconds(1_800), interval: Duration = .seconds(15)
    ) {
        self.sha = sha
        self.timeout = timeout
        self.interval = interval
        self.checkApp = checkApp
        self.allowedSkips = allowedSkips
        tracks = contexts.map { Track(context: $0) }
    }

    /// Takes what was read.
    ///
    /// - Returns: the tracks that changed, as indices.
    package mutating func take(_ reading: CIReading, at now: Duration) -> [Int] {
        guard verdict == nil else { return [] }
        readings += 1
        lastReading = now
        trouble = nil
        runsTrouble = reading.trouble
        pauseUntil = now + interval
        var changed: [Int] = []
        for index in tracks.indices {
            let context = tracks[index].context
            let standing = reading.standing(
                of: context, app: checkApp, allowsSkipped: allowedSkips.contains(context))
            let isOther = standing.state != tracks[index].state || standing.row?.id != tracks[index].row?.id
            let isAbsent = standing.state == .missing && standing.row == nil
            let hint = isAbsent ? CIHint.others(than: context, among: reading.names) : nil
            if isOther || !tracks[index].isKnown || (hint != nil && tracks[index].hint == nil) { changed.append(index) }
            if isOther || tracks[index].firstSeen == nil { tracks[index].firstSeen = standing.row == nil ? nil : now }
            if standing.row != nil { tracks[index].lastSeen = now }
            tracks[index].state = standing.state
            tracks[index].effect = standing.effect
            tracks[index].row = standing.row
            tracks[index].reporters = standing.reporters
            tracks[index].hint = hint
            tracks[index].isKnown = true
        }
        if tracks.contains(where: { $0.effect == .ended }) {
            end(.failed, at: now)
        } else if !tracks.isEmpty, tracks.allSatisfy({ $0.effect == .satisfied }) {
            end(.green, at: now)
        }
        return changed
    }

    /// Takes a failure to read.
    ///
    /// - Returns: whether it is another one than the last.
    package mutating func take(_ error: ForgeError, at now: Duration) -> Bool {
        guard verdict == nil else { return false }
        let isNew = trouble?.description != error.description
        switch error.kind {
        case .refused:
            failures += 1
            trouble = error
            end(.refused, at: now)
        case .transient, .unreadable:
            failures += 1
            // The last request was cut short by the deadline itself: what was wrong before says more.
            if now < timeout || trouble == nil { trouble = error }
            pauseUntil = now + interval
        case .throttled(let pause):
            failures += 1
            trouble = error
            pauseUntil = now + max(interval, pause ?? interval)
            // To sit out a pause that ends too late would only say the same, later.
            if pauseUntil >= timeout { expire(at: now) }
        case .late: expire(at: now)
        case .cancelled:
            pauseUntil = now + interval
            return false
        }
        return isNew
    }

    /// How long nothing is to be asked; nil where the wait is over.
    package mutating func pause(at now: Duration) -> Duration? {
        if verdict == nil, now >= timeout { expire(at: now) }
        guard verdict == nil else { return nil }
        return max(.zero, min(pauseUntil, timeout) - now)
    }

    mutating func interrupt(signal: Int32, at now: Duration) {
        end(.interrupted(signal: signal), at: now)
    }

    private mutating func expire(at now: Duration) {
        end(readings == 0 ? .unreadable : .timedOut, at: now)
    }

    private mutating func end(_ verdict: CIVerdict, at now: Duration) {
        guard self.verdict == nil else { return }
        self.verdict = verdict
        endedAt = now
    }
}
