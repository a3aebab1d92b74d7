import Shared

extension CIWait.Track {
    /// For example `CI / build (push): pending (#12)`.
    var line: String {
        guard isKnown else { return "\(Hygiene.line(context, limit: 80)): not read yet" }
        let number = row.map { " (#\($0.id), \(Hygiene.line($0.source.description, limit: 60)))" } ?? ""
        return "\(Hygiene.line(context, limit: 80)): \(state)\(number)"
    }
}

extension CIWait {
    /// For example `2 of 3 green, 1 pending`.
    var counts: String {
        let green = tracks.count { $0.state.effect == .satisfied }
        let others = Dictionary(grouping: tracks.filter { $0.state.effect != .satisfied }, by: \.state.name)
        let rest = others.sorted { $0.key < $1.key }.map { "\($0.value.count) \($0.key)" }
        return (["\(green) of \(tracks.count) green"] + rest).joined(separator: ", ")
    }

    /// One sentence about the end, or about how things stand.
    var summary: String {
        let commit = "commit \(sha.short)"
        switch verdict {
        case nil: return "CI of \(commit): \(counts)"
        case .green: return "CI of \(commit) is green: \(named { _ in true })"
        case .failed: return "CI of \(commit) is not green: \(named { $0.state.effect == .ended })"
        case .timedOut:
            let late = trouble.map { "; at last: \($0.description)" } ?? ""
            return
                "CI of \(commit) is not green after \(timeout.brief): \(named { $0.state.effect != .satisfied })\(late)"
        case .unreadable:
            let why = trouble?.description ?? "no answer came in time"
            return "CI of \(commit) is not known, nothing could be read within \(timeout.brief): \(why)"
        case .refused: return "CI of \(commit) is not known: \(trouble?.description ?? "the forge refuses")"
        case .interrupted: return "interrupted while waiting for CI of \(commit): \(named { _ in true })"
        }
    }

    private func named(_ condition: (Track) -> Bool) -> String {
        let chosen = tracks.filter(condition)
        let names = chosen.prefix(8).map(\.line).joined(separator: ", ")
        return names + (chosen.count > 8 ? " and \(chosen.count - 8) more" : "")
    }
}
