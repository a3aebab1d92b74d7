import CollectorSupport
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

extension CIStateMachine.Track {
    /// For example `CI / build (push): pending (#12)`; of one that is missing, with what there is instead.
    package var line: String { shortLine + (hint.map { " (\($0))" } ?? "") }

    fileprivate var shortLine: String {
        guard isKnown else { return "\(Sanitizer.singleLine(context, limit: 80)): not read yet" }
        let number = row.map { " (\(Self.words(for: $0, among: reporters)))" } ?? ""
        let permission = effect == .satisfied && state == .skipped ? ", which is allowed" : ""
        return "\(Sanitizer.singleLine(context, limit: 80)): \(state)\(permission)\(number)"
    }

    /// Which row it is; of a run that has not reported under the name, which run.
    private static func words(for row: CIRow, among reporters: [CIReporter]) -> String {
        guard row.source == .workflowRun else {
            return "#\(row.id), \(Sanitizer.singleLine(row.source.description, limit: 60))"
        }
        let reporter = reporters.first { $0.row == row }
        let kind = [reporter?.workflow, reporter?.event.map { "on \($0)" }].compactMap { $0 }.joined(separator: " ")
        let outcome = reporter?.run?.state == .success ? "succeeded without this job" : "has not reported this job"
        return "run \(row.id) of \(kind) \(outcome)"
    }

    /// For a sentence about the end.
    fileprivate var ending: String {
        shortLine + (reporters.count > 1 ? ", one of \(reporters.count) that report under this name" : "")
    }

    /// One line for each reporter, for example
    /// `test: success, CI on push, run 12 attempt 2, check-run by github-actions, 2026-11-23T10:00:00.000Z, https://…`.
    package var reporterLines: [String] {
        reporters.map { reporter in
            let facts: [String?] = [
                [reporter.workflow, reporter.event.map { "on \($0)" }].compactMap { $0 }.joined(separator: " "),
                reporter.runNumber.map { number in
                    "run \(number)" + (reporter.run?.attempt.map { " attempt \($0)" } ?? "")
                }, Sanitizer.singleLine(reporter.row.source.description, limit: 60), reporter.time, reporter.row.url,
            ]
            let said = facts.compactMap { $0 }.filter { !$0.isEmpty }
            return (["\(Sanitizer.singleLine(context, limit: 80)): \(reporter.row.state)"] + said).joined(
                separator: ", ")
        }
    }
}

extension CIReporter {
    /// The workflow, for people: as the list of runs names it, else as the context does.
    var workflow: String? {
        (run?.name ?? run?.workflow ?? named?.workflow).map { Sanitizer.singleLine($0, limit: 80) }
    }

    var event: String? { (run?.event ?? named?.event).map { Sanitizer.singleLine($0, limit: 40) } }

    /// The run's number: in GitHub's links its id.
    var runNumber: Int64? {
        if let number = run?.number { return number }
        if case .status = row.source { return row.run }
        return ActionsLink(row.url)?.run
    }

    /// When it ended, or else began: RFC 3339.
    var time: String? { (row.endedAt ?? row.startedAt).map(RFC3339.text(unixMilliseconds:)) }

    /// What a context of Gitea's Actions, `workflow / job (event)`, says of where it comes from.
    private var named: (workflow: String, event: String)? {
        guard row.run != nil, case .status = row.source, row.context.hasSuffix(")"),
            let slash = row.context.firstRange(of: " / "), let open = row.context.lastIndex(of: "("),
            open > slash.upperBound
        else { return nil }
        let event = row.context[row.context.index(after: open)...].dropLast()
        return (String(row.context[..<slash.lowerBound]), String(event))
    }
}

/// What is said of a context that has not reported.
enum CIHint {
    /// - Returns: for example `contexts at this commit: lint, test; did you mean 'test'?`; nil where there are none.
    static func others(than context: String, among names: Set<String>) -> String? {
        let others = names.filter { $0 != context }.sorted()
        guard !others.isEmpty else { return nil }
        let shown = others.prefix(8).map { Sanitizer.singleLine($0, limit: 60) }.joined(separator: ", ")
        let more = others.count > 8 ? " and \(others.count - 8) more" : ""
        let near = Suggestion.nearest(to: context, among: others)
        let question = near.map { "; did you mean '\(Sanitizer.singleLine($0, limit: 60))'?" } ?? ""
        return "contexts at this commit: \(shown)\(more)\(question)"
    }
}

extension CIStateMachine {
    /// For example `2 of 3 green, 1 pending`.
    package var counts: String {
        let green = tracks.count { $0.effect == .satisfied }
        let others = Dictionary(grouping: tracks.filter { $0.effect != .satisfied }, by: \.state.name)
        let rest = others.sorted { $0.key < $1.key }.map { "\($0.value.count) \($0.key)" }
        return (["\(green) of \(tracks.count) green"] + rest).joined(separator: ", ")
    }

    /// One sentence about the end, or about how things stand.
    package var summary: String {
        let commit = "commit \(sha.short)"
        switch verdict {
        case nil: return "CI of \(commit): \(counts)"
        case .green: return "CI of \(commit) is green: \(named { _ in true })"
        case .failed:
            return "CI of \(commit) is not green: \(named { $0.effect == .ended })\(runsNote { $0.effect == .ended })"
        case .timedOut:
            let late = trouble.map { "; at last: \($0.description)" } ?? ""
            return
                "CI of \(commit) is not green after \(timeout.brief): \(named { $0.effect != .satisfied })\(absent)\(late)"
        case .unreadable:
            let why = trouble?.description ?? "no answer came in time"
            return "CI of \(commit) is not known, nothing could be read within \(timeout.brief): \(why)"
        case .refused: return "CI of \(commit) is not known: \(trouble?.description ?? "the forge refuses")"
        case .interrupted: return "interrupted while waiting for CI of \(commit): \(named { _ in true })"
        }
    }

    /// What has never reported, which is often a name that was misspelt.
    private var absent: String {
        tracks.compactMap { track in
            track.hint.map { "; '\(Sanitizer.singleLine(track.context, limit: 80))' has not reported; \($0)" }
        }.prefix(3).joined()
    }

    /// Why several reporters had to be green, where one of them might have been another's rerun.
    private func runsNote(_ condition: (Track) -> Bool) -> String {
        guard let runsTrouble, tracks.contains(where: { condition($0) && $0.reporters.count > 1 }) else { return "" }
        return "; which run is a rerun of which is not known (\(runsTrouble)), so that each must be green"
    }

    private func named(_ condition: (Track) -> Bool) -> String {
        let chosen = tracks.filter(condition)
        let names = chosen.prefix(8).map(\.ending).joined(separator: ", ")
        return names + (chosen.count > 8 ? " and \(chosen.count - 8) more" : "")
    }
}
