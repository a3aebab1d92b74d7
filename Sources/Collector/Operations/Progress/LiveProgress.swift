import CollectorSupport
import Reports
import Shared
import Verdict

/// Progress on a terminal, redrawn in place: a bar, counts, and the hosts that are not converged, grouped if they are many.
struct LiveProgress: SessionObserver {
    private var display: RedrawnLines
    private let usesColor: Bool
    private var lastDrawn: Duration?

    private static let redrawInterval = Duration.milliseconds(100)
    private static let maximumHostLines = 12
    /// A group of so many hosts is shown by their names.
    private static let maximumNamed = 3

    init(terminal: Terminal, usesColor: Bool) {
        display = RedrawnLines(on: terminal)
        self.usesColor = usesColor
    }

    mutating func turned(_ changes: [HostChange], of verification: Verification, at now: Duration) {
        if let lastDrawn, now - lastDrawn < Self.redrawInterval { return }
        lastDrawn = now
        let size = display.size
        display.draw(frame(verification, at: now, columns: size.columns, rows: size.rows))
    }

    /// Clears the display: the final table replaces it.
    mutating func ended(_ verification: Verification, _ conclusion: Conclusion) {
        display.erase()
    }

    /// The lines of one frame, fewer than `rows`, each shorter than `columns`.
    func frame(_ verification: Verification, at now: Duration, columns: Int, rows: Int) -> [String] {
        let counts = FleetCounts(verification)
        let target = verification.target
        let head =
            "\(Sanitizer.singleLine(target.service, limit: 40))  \(target.summary)  \(now.brief)"
            + " of \(verification.policy.timeout.brief)"
            + (verification.suspensions.last.map { "  (\($0.words))" } ?? "")
        let lines = [head, bar(counts, columns: columns), "  " + counts.line]
        // At most half of the screen, so that the frame can still be erased when a narrower terminal has wrapped its lines.
        let free = rows - 1 - lines.count
        let room = min(Self.maximumHostLines, max(rows / 2 - 1 - lines.count, min(4, free)))
        // The first lines matter most on a very low terminal.
        return (lines + hostLines(verification, counts, at: now, room: max(0, room))).prefix(max(1, rows - 1))
            .map { $0.clipped(toColumns: columns) }
    }

    // MARK: - Hosts

    /// Hosts with the same status and reason.
    private struct Group {
        var status: HostStatus
        /// Empty if the hosts have different reasons.
        var reason: String
        var names: [String]

        var hosts: String {
            names.count <= LiveProgress.maximumNamed ? names.joined(separator: ", ") : names.count.hostCount
        }

        /// The beginning of the list that ``hosts`` leaves out.
        var list: String {
            guard names.count > LiveProgress.maximumNamed else { return "" }
            return (reason.isEmpty ? "" : "  ") + "(\(names.listed(limit: 20)))"
        }
    }

    private func hostLines(_ verification: Verification, _ counts: FleetCounts, at now: Duration, room: Int) -> [String]
    {
        // A build that failed on one host must not be recommended to the next one.
        let isHeld = counts.count(.failed) + counts.count(.rolledBack) > 0 || verification.successor != nil
        let single = verification.tracks.filter { !$0.host.isWaived && $0.status != .converged }
            .sorted { $0.status.rank < $1.status.rank }
            .map { track in
                let reason = track.reason(at: now, policy: verification.timing)
                let text = isHeld ? reason.text.withoutRollout(reason.code) : reason.text
                return Group(
                    status: track.status, reason: Sanitizer.singleLine(text.sentence),
                    names: [Sanitizer.singleLine(track.host.name, limit: 64)])
            }
        let groups = Self.grouped(single, into: room)
        let shown = groups.count > room ? max(0, room - 1) : groups.count
        let hostWidth = min(30, groups.prefix(shown).map(\.hosts.displayWidth).max() ?? 0)
        let statusWidth = groups.prefix(shown).map(\.status.rawValue.count).max() ?? 0
        let lines = groups.prefix(shown).map { group in
            let isAlert = group.status.needsAttention
            let line =
                "  \(isAlert ? "!" : "·") \(group.hosts.padded(toColumns: hostWidth))  "
                + "\(group.status.rawValue.padded(toColumns: statusWidth))  \(group.reason)\(group.list)"
            return usesColor && isAlert ? "\u{1B}[31m\(line)\u{1B}[0m" : line
        }
        let rest = groups.dropFirst(shown).reduce(0) { $0 + $1.names.count }
        return rest > 0 && room > 0 ? lines + ["    and \(rest) more"] : lines
    }

    /// One line per host if there is room, else per status and reason, else per status. Hosts that only have to stay up share
    /// a line in any case.
    private static func grouped(_ single: [Group], into room: Int) -> [Group] {
        let soaking = merged(single.filter { $0.status == .soaking }) { $0.status.rawValue }
        let others = single.filter { $0.status != .soaking }
        guard others.count + soaking.count > room else { return others + soaking }
        let alike = merged(others) { $0.status.rawValue + " " + $0.reason }
        return (alike.count + soaking.count > room ? merged(others) { $0.status.rawValue } : alike) + soaking
    }

    /// The groups with equal keys as one group each, in the order of the first ones.
    private static func merged(_ groups: [Group], by key: (Group) -> String) -> [Group] {
        var merged: [Group] = []
        var places: [String: Int] = [:]
        for group in groups {
            guard let place = places[key(group)] else {
                places[key(group)] = merged.count
                merged.append(group)
                continue
            }
            merged[place].names += group.names
            if merged[place].reason != group.reason { merged[place].reason = "" }
        }
        return merged
    }

    // MARK: - Bar

    private func bar(_ counts: FleetCounts, columns: Int) -> String {
        let width = max(4, min(60, columns - 20))
        func cells(_ count: Int) -> Int { counts.expected == 0 ? 0 : count * width / counts.expected }
        let done = cells(counts.converged)
        let soaking = min(width - done, cells(counts.count(.soaking) + counts.count(.starting)))
        let bar =
            String(repeating: "█", count: done) + String(repeating: "▒", count: soaking)
            + String(repeating: "·", count: width - done - soaking)
        return "  \(bar)  \(counts.converged)/\(counts.expected)"
    }
}
