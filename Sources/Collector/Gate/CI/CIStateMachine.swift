import CollectorSupport
package import Shared

/// The wait for the required contexts of a commit, as a state machine: from readings and failures with their times to a
/// verdict. No clock, no I/O.
///
/// All times are since the start.
package struct CIStateMachine: Sendable {
    /// The state of one required context.
    package struct Track: Hashable, Sendable {
        package var context: String
        package var state = CIState.missing
        /// The state's effect, which depends on whether the context may be skipped.
        package var effect = CIState.missing.effect
        var row: CIRow?
        /// The reporters that count.
        var reporters: [CIReporter] = []
        /// For a missing context, the other contexts at the commit, as one clause; nil if there are none.
        var hint: String?
        /// The times the decisive row was first and last seen.
        var firstSeen: Duration?
        var lastSeen: Duration?
        /// True after the first reading.
        var isKnown = false
    }

    package let sha: GitSHA
    package let timeout: Duration
    package let interval: Duration
    /// The app whose check runs count; nil for all.
    package let checkApp: String?
    /// The contexts for which `skipped` counts as `success`.
    package let allowedSkips: Set<String>

    /// The required contexts in the given order.
    package private(set) var tracks: [Track]
    private(set) var readings = 0
    private(set) var lastReading: Duration?
    private(set) var failures = 0
    /// The error of the last request; nil after a success.
    package private(set) var lastError: ForgeError?
    /// The reason that the last reading lacked required runs; nil otherwise.
    private(set) var runsFailure: String?
    package private(set) var verdict: CIVerdict?
    private(set) var endedAt: Duration?
    private var pauseUntil = Duration.zero

    /// - Parameter contexts: at least one, since an empty list is never green.
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

    /// Processes a reading.
    ///
    /// - Returns: the indices of the tracks that changed.
    package mutating func take(_ reading: CIReading, at now: Duration) -> [Int] {
        guard verdict == nil else { return [] }
        readings += 1
        lastReading = now
        lastError = nil
        runsFailure = reading.runsFailure
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

    /// Processes a failed request.
    ///
    /// - Returns: true if the error differs from the last one.
    package mutating func take(_ error: ForgeError, at now: Duration) -> Bool {
        guard verdict == nil else { return false }
        let isNew = lastError?.description != error.description
        switch error.kind {
        case .refused:
            failures += 1
            lastError = error
            end(.refused, at: now)
        case .transient where isCutShort(at: now):
            pauseUntil = now + interval
            return false
        case .transient, .unreadable:
            failures += 1
            lastError = error
            pauseUntil = now + interval
        case .throttled(let pause):
            failures += 1
            lastError = error
            pauseUntil = now + max(interval, pause ?? interval)
            // Waiting out a pause beyond the deadline would change nothing.
            if pauseUntil >= timeout { expire(at: now) }
        case .late: expire(at: now)
        case .cancelled:
            pauseUntil = now + interval
            return false
        }
        return isNew
    }

    /// True if the deadline ended the request, not the forge: CI was read before, or an earlier error tells more.
    private func isCutShort(at now: Duration) -> Bool {
        // libcurl rounds its time limit to milliseconds.
        guard now + .milliseconds(100) >= timeout else { return false }
        return lastError != nil || (readings > 0 && now - pauseUntil < Self.patience)
    }

    /// A forge that has not answered for this long is at fault, also at the deadline.
    private static let patience = Duration.seconds(5)

    /// The time until the next request is due; nil if the wait is over.
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
    /// For example `CI / build (push): pending (#12)`; for a missing context, with the hint.
    package var line: String { shortLine + (hint.map { " (\($0))" } ?? "") }

    fileprivate var shortLine: String {
        guard isKnown else { return "\(Sanitizer.singleLine(context, limit: 80)): not read yet" }
        let number = row.map { " (\(Self.words(for: $0, among: reporters)))" } ?? ""
        let permission = effect == .satisfied && state == .skipped ? ", which is allowed" : ""
        return "\(Sanitizer.singleLine(context, limit: 80)): \(state)\(permission)\(number)"
    }

    /// Names the decisive row, or the run that has not reported.
    private static func words(for row: CIRow, among reporters: [CIReporter]) -> String {
        guard row.source == .workflowRun else {
            return "#\(row.id), \(Sanitizer.singleLine(row.source.description, limit: 60))"
        }
        let reporter = reporters.first { $0.row == row }
        let kind = [reporter?.workflow, reporter?.event.map { "on \($0)" }].compactMap { $0 }.joined(separator: " ")
        let outcome = reporter?.run?.state == .success ? "succeeded without this job" : "has not reported this job"
        return "run \(row.id) of \(kind) \(outcome)"
    }

    /// The line for a final sentence.
    fileprivate var ending: String {
        shortLine + (reporters.count > 1 ? ", one of \(reporters.count) reporters under this name" : "")
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
            let known = facts.compactMap { $0 }.filter { !$0.isEmpty }
            return (["\(Sanitizer.singleLine(context, limit: 80)): \(reporter.row.state)"] + known).joined(
                separator: ", ")
        }
    }
}

extension CIReporter {
    /// The workflow's name for people, from the list of runs or else from the context.
    var workflow: String? {
        (run?.name ?? run?.workflow ?? named?.workflow).map { Sanitizer.singleLine($0, limit: 80) }
    }

    var event: String? { (run?.event ?? named?.event).map { Sanitizer.singleLine($0, limit: 40) } }

    /// The run's number; on GitHub its id.
    var runNumber: Int64? {
        if let number = run?.number { return number }
        if case .status = row.source { return row.run }
        return ActionsLink(row.url)?.run
    }

    /// Its end, or else its start (RFC 3339).
    var time: String? { (row.endedAt ?? row.startedAt).map(RFC3339.text(unixMilliseconds:)) }

    /// The workflow and event in the name of a Gitea Actions context, `workflow / job (event)`.
    private var named: (workflow: String, event: String)? {
        guard row.run != nil, case .status = row.source, row.context.hasSuffix(")"),
            let slash = row.context.firstRange(of: " / "), let open = row.context.lastIndex(of: "("),
            open > slash.upperBound
        else { return nil }
        let event = row.context[row.context.index(after: open)...].dropLast()
        return (String(row.context[..<slash.lowerBound]), String(event))
    }
}

/// The hint for a context that has not reported.
enum CIHint {
    /// - Returns: for example `contexts at this commit: lint, test; did you mean 'test'?`; nil if there are none.
    static func others(than context: String, among names: Set<String>) -> String? {
        let others = names.filter { $0 != context }.sorted()
        guard !others.isEmpty else { return nil }
        let shown = others.map { Sanitizer.singleLine($0, limit: 60) }.listed(limit: 8)
        let near = Suggestion.nearest(to: context, among: others)
        let question = near.map { "; did you mean '\(Sanitizer.singleLine($0, limit: 60))'?" } ?? ""
        return "contexts at this commit: \(shown)\(question)"
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

    /// One sentence about the verdict, or about the current state.
    package var summary: String {
        let commit = "commit \(sha.short)"
        switch verdict {
        case nil:
            guard readings > 0 else {
                return "CI of \(commit): not read yet\(lastError.map { "; last error: \($0.description)" } ?? "")"
            }
            return "CI of \(commit): \(counts): \(named { $0.effect != .satisfied })\(absent)"
        case .green: return "CI of \(commit) is green: \(named { _ in true })"
        case .failed:
            return "CI of \(commit) is not green: \(named { $0.effect == .ended })\(runsNote { $0.effect == .ended })"
        case .timedOut:
            let late = lastError.map { "; last error: \($0.description)" } ?? ""
            return
                "CI of \(commit) is not green after \(timeout.brief): \(named { $0.effect != .satisfied })\(absent)\(late)"
        case .unreadable:
            let reason = lastError?.description ?? "no response in time"
            return "could not read CI of \(commit) within \(timeout.brief): \(reason)"
        case .refused: return "could not read CI of \(commit): \(lastError?.description ?? "the forge refused")"
        case .interrupted: return "interrupted while waiting for CI of \(commit): \(named { _ in true })\(absent)"
        }
    }

    /// The contexts that have never reported, often because of a misspelt name.
    private var absent: String {
        tracks.compactMap { track in
            guard let hint = track.hint else { return nil }
            // The context's own part of the sentence already says `missing`.
            return tracks.count == 1
                ? "; \(hint)" : "; for '\(Sanitizer.singleLine(track.context, limit: 80))': \(hint)"
        }.prefix(3).joined()
    }

    /// The reason that several reporters had to be green although some may be reruns of others.
    private func runsNote(_ condition: (Track) -> Bool) -> String {
        guard let runsFailure, tracks.contains(where: { condition($0) && $0.reporters.count > 1 }) else { return "" }
        return "; reruns cannot be recognised (\(runsFailure)), so each run must be green"
    }

    private func named(_ condition: (Track) -> Bool) -> String {
        tracks.filter(condition).map(\.ending).listed(limit: 8)
    }
}
