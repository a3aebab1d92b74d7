import CollectorSupport
import Shared

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
