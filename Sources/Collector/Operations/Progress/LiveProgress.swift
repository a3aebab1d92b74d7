import CollectorSupport
import Shared
import Verdict

/// Progress on a terminal, redrawn in place: a bar, counts, and the names of the hosts that need attention.
struct LiveProgress: SessionObserver {
    private var display: RedrawnLines
    private let usesColor: Bool
    private var lastDrawn: Duration?

    private static let redrawInterval = Duration.milliseconds(100)
    private static let maximumNamed = 8

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

    /// The lines of one frame, each shorter than `columns`.
    func frame(_ verification: Verification, at now: Duration, columns: Int, rows: Int) -> [String] {
        let counts = FleetCounts(verification)
        let target = verification.target
        let head =
            "\(Sanitizer.singleLine(target.service, limit: 40))  \(target.summary)  \(now.brief)"
            + " of \(verification.policy.timeout.brief)"
        var lines = [head, bar(counts, columns: columns), "  " + counts.line].map { $0.clipped(toColumns: columns) }
        let attention = verification.tracks.filter {
            !$0.host.isWaived
                && ($0.status.needsAttention || (counts.expected <= Self.maximumNamed && $0.status != .converged))
        }
        let room = max(0, min(Self.maximumNamed, rows - lines.count - 2))
        let shown = attention.sorted { $0.status.rank < $1.status.rank }.prefix(room)
        lines += shown.map { track in
            let name = Sanitizer.singleLine(track.host.name, limit: 30)
            let reason = track.reason(at: now, policy: verification.policy).text.sentence
            let text = "\(name)  \(track.status.rawValue)  \(reason)"
            let isAlert = track.status.needsAttention
            let line = "  \(isAlert ? "!" : "·") \(text)".clipped(toColumns: columns)
            return usesColor && isAlert ? "\u{1B}[31m\(line)\u{1B}[0m" : line
        }
        if attention.count > shown.count { lines.append("    and \(attention.count - shown.count) more") }
        return lines
    }

    private func bar(_ counts: FleetCounts, columns: Int) -> String {
        let width = max(10, min(60, columns - 20))
        func cells(_ count: Int) -> Int { counts.expected == 0 ? 0 : count * width / counts.expected }
        let done = cells(counts.converged)
        let soaking = min(width - done, cells(counts.count(.soaking) + counts.count(.starting)))
        let bar =
            String(repeating: "█", count: done) + String(repeating: "▒", count: soaking)
            + String(repeating: "·", count: width - done - soaking)
        return "  \(bar)  \(counts.converged)/\(counts.expected)"
    }
}
