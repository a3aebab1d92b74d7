import CollectorSupport
import Shared
import Verdict

/// Progress for a terminal: a bar, counts, and the hosts that need attention by name, redrawn in place.
struct LiveProgress: SessionObserver {
    let terminal: Terminal
    let usesColor: Bool
    private var drawnLines = 0
    private var lastDrawn: Duration?

    private static let redrawInterval = Duration.milliseconds(100)
    private static let maximumNamed = 8

    init(terminal: Terminal, usesColor: Bool) {
        self.terminal = terminal
        self.usesColor = usesColor
    }

    mutating func turned(_ changes: [HostChange], of verification: Verification, at now: Duration) {
        if let lastDrawn, now - lastDrawn < Self.redrawInterval { return }
        lastDrawn = now
        draw(verification, at: now)
    }

    /// Clears the drawing: the final table says it all.
    mutating func ended(_ verification: Verification, _ conclusion: Conclusion) {
        terminal.write(erasure)
        drawnLines = 0
    }

    private var erasure: String { drawnLines > 0 ? "\u{1B}[\(drawnLines)A\r\u{1B}[J" : "\r\u{1B}[J" }

    private mutating func draw(_ verification: Verification, at now: Duration) {
        let size = terminal.size
        let lines = frame(verification, at: now, columns: size.columns, rows: size.rows)
        terminal.write(erasure + lines.joined(separator: "\n") + "\n")
        drawnLines = lines.count
    }

    /// The lines of one drawing, each at most `columns` wide.
    func frame(_ verification: Verification, at now: Duration, columns: Int, rows: Int) -> [String] {
        let counts = FleetCounts(verification)
        let target = verification.target
        let head =
            "\(Sanitizer.singleLine(target.service, limit: 40))  \(target.summary)  \(now.brief)"
            + " of \(verification.policy.timeout.brief)"
        var lines = [head, bar(counts, columns: columns), "  " + counts.line].map { clip($0, columns) }
        let attention = verification.tracks.filter {
            !$0.host.isWaived
                && ($0.status.needsAttention || (counts.expected <= Self.maximumNamed && $0.status != .converged))
        }
        let room = max(0, min(Self.maximumNamed, rows - lines.count - 2))
        let shown = attention.sorted { $0.status.rank < $1.status.rank }.prefix(room)
        lines += shown.map { track in
            let name = Sanitizer.singleLine(track.host.name, limit: 30)
            let text = "\(name)  \(track.status.rawValue)  \(track.reason(at: now, policy: verification.policy).text.sentence)"
            let mark = track.status.needsAttention ? "!" : "·"
            return painted(clip("  \(mark) \(text)", columns), track.status.needsAttention ? .red : .none)
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

    private func clip(_ text: String, _ columns: Int) -> String {
        text.count < columns ? text : text.prefix(max(1, columns - 2)) + "…"
    }

    private enum Paint { case red, none }

    private func painted(_ text: String, _ paint: Paint) -> String {
        usesColor && paint == .red ? "\u{1B}[31m\(text)\u{1B}[0m" : text
    }
}
