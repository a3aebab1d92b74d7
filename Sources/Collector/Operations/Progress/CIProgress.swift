package import CollectorSupport
package import Gate
import Shared
import Synchronization

/// Progress of the wait for CI: redrawn in place on a terminal; in a log one line per change, and a heartbeat every 30 seconds.
package final class CIProgress: Sendable {
    private let terminal: Terminal
    private let style: ProgressMode.Style
    private let showsReporters: Bool
    private let display: Mutex<RedrawnLines>
    private let lastHeartbeat = Mutex(Duration.zero)

    static let heartbeat = Duration.seconds(30)

    /// - Parameter showsReporters: true if the end lists every reporter that was counted, as the JSON result does.
    package init(
        _ mode: ProgressMode, on terminal: Terminal, environment: [String: String], showsReporters: Bool = true
    ) {
        self.terminal = terminal
        self.showsReporters = showsReporters
        style = mode.style(on: terminal, environment: environment)
        display = Mutex(RedrawnLines(on: terminal))
    }

    package func show(_ event: CIEvent) {
        switch style {
        case .none: return
        case .plain: for line in Self.lines(event) + heartbeat(event) { terminal.write(line + "\n") }
        case .live(let usesColor): draw(event, usesColor: usesColor)
        }
        if showsReporters, case .ended(let wait, _) = event {
            for line in wait.tracks.flatMap(\.reporterLines) { terminal.write("         \(line)\n") }
        }
    }

    /// The lines about an event in a log; none if nothing changed.
    static func lines(_ event: CIEvent) -> [String] {
        switch event {
        case .passed: []
        case .read(let wait, let changed, let now): changed.map { wait.tracks[$0].line.stamped(at: now) }
        case .failed(_, let error, let now): [error.description.stamped(at: now)]
        // Any other end is the error that the program ends with.
        case .ended(let wait, let now): wait.verdict == .green ? [wait.summary.stamped(at: now)] : []
        }
    }

    /// The state of the wait, with the contexts that exist if a required one is missing, when a heartbeat is due.
    private func heartbeat(_ event: CIEvent) -> [String] {
        guard case .passed(let wait, let now) = event else { return [] }
        return lastHeartbeat.withLock { last in
            guard now - last >= Self.heartbeat else { return [] }
            last = now
            return [wait.summary.stamped(at: now)]
        }
    }

    private func draw(_ event: CIEvent, usesColor: Bool) {
        let (wait, now) =
            switch event {
            case .passed(let wait, let now), .read(let wait, _, let now), .failed(let wait, _, let now),
                .ended(let wait, let now):
                (wait, now)
            }
        display.withLock { display in
            let size = display.size
            display.draw(
                Self.frame(wait, at: now, columns: size.columns, rows: size.rows, usesColor: usesColor))
            if case .ended = event { display.keep() }
        }
    }

    /// The lines of one frame, each shorter than `columns`.
    static func frame(_ wait: CIStateMachine, at now: Duration, columns: Int, rows: Int, usesColor: Bool) -> [String] {
        let head = "CI of \(wait.sha.short)  \(wait.counts)  \(now.brief) of \(wait.timeout.brief)"
        var lines = [head.clipped(toColumns: columns)]
        let room = max(1, rows - 4)
        let sorted = wait.tracks.sorted { $0.effect > $1.effect }
        for track in sorted.prefix(room) {
            let (mark, code) =
                switch track.effect {
                case .satisfied: ("✓", "32")
                case .waiting: ("·", "")
                case .ended: ("!", "31")
                }
            let text = "  \(mark) \(track.line)".clipped(toColumns: columns)
            lines.append(usesColor && !code.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text)
        }
        if sorted.count > room { lines.append("    and \(sorted.count - room) more") }
        if let error = wait.lastError { lines.append("  ! \(error.description)".clipped(toColumns: columns)) }
        return lines
    }
}
