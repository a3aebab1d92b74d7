package import CollectorSupport
package import Gate
import Shared
import Synchronization

/// Shows how CI is waited for: in place on a terminal, as lines of what changed in a log.
package final class CIProgress: Sendable {
    private struct State {
        var drawnLines = 0
    }

    private let terminal: Terminal
    private let style: Style
    private let showsReporters: Bool
    private let state = Mutex(State())

    private enum Style: Equatable { case live(usesColor: Bool), plain, none }

    /// - Parameter showsReporters: whether the end lists everybody who was counted, as the JSON result does.
    package init(
        _ mode: ProgressMode, on terminal: Terminal, environment: [String: String], showsReporters: Bool = true
    ) {
        self.terminal = terminal
        self.showsReporters = showsReporters
        switch mode {
        case .auto where terminal.isInteractive(environment: environment), .live:
            style = .live(usesColor: environment["NO_COLOR", default: ""].isEmpty)
        case .auto, .plain: style = .plain
        case .none: style = .none
        }
    }

    package func show(_ event: CIEvent) {
        switch style {
        case .none: break
        case .plain: for line in Self.lines(event) { terminal.write(line + "\n") }
        case .live(let usesColor): draw(event, usesColor: usesColor)
        }
        if showsReporters, style != .none, case .ended(let wait, _) = event {
            for line in wait.tracks.flatMap(\.reporterLines) { terminal.write("         \(line)\n") }
        }
    }

    /// What a log says of an event; nothing where nothing changed.
    package static func lines(_ event: CIEvent) -> [String] {
        switch event {
        case .passed: []
        case .read(let wait, let changed, let now): changed.map { line(wait.tracks[$0].line, at: now) }
        case .failed(_, let error, let now): [line(error.description, at: now)]
        // The end of another kind is the error that the program ends with.
        case .ended(let wait, let now): wait.verdict == .green ? [line(wait.summary, at: now)] : []
        }
    }

    private static func line(_ text: String, at now: Duration) -> String {
        let seconds = "\(Double(Int(now.seconds * 10)) / 10)s"
        return String(repeating: " ", count: max(0, 7 - seconds.count)) + seconds + "  " + text
    }

    private func draw(_ event: CIEvent, usesColor: Bool) {
        let size = terminal.size
        let lines =
            switch event {
            case .passed(let wait, let now), .read(let wait, _, let now), .failed(let wait, _, let now):
                Self.frame(wait, at: now, columns: size.columns, rows: size.rows, usesColor: usesColor)
            // The last words stay.
            case .ended(let wait, let now):
                Self.frame(wait, at: now, columns: size.columns, rows: size.rows, usesColor: usesColor)
            }
        state.withLock { state in
            let erasure = state.drawnLines > 0 ? "\u{1B}[\(state.drawnLines)A\r\u{1B}[J" : "\r\u{1B}[J"
            terminal.write(erasure + lines.joined(separator: "\n") + "\n")
            state.drawnLines = lines.count
        }
    }

    /// The lines of one drawing, each less than `columns` wide.
    static func frame(_ wait: CIStateMachine, at now: Duration, columns: Int, rows: Int, usesColor: Bool) -> [String] {
        func clip(_ text: String) -> String {
            text.count < columns ? text : text.prefix(max(1, columns - 2)) + "…"
        }
        let head = "CI of \(wait.sha.short)  \(wait.counts)  \(now.brief) of \(wait.timeout.brief)"
        var lines = [clip(head)]
        let room = max(1, rows - 4)
        let sorted = wait.tracks.sorted { $0.effect > $1.effect }
        for track in sorted.prefix(room) {
            let (mark, code) =
                switch track.effect {
                case .satisfied: ("✓", "32")
                case .waiting: ("·", "")
                case .ended: ("!", "31")
                }
            let text = clip("  \(mark) \(track.line)")
            lines.append(usesColor && !code.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text)
        }
        if sorted.count > room { lines.append("    and \(sorted.count - room) more") }
        if let error = wait.lastError { lines.append(clip("  ! \(error.description)")) }
        return lines
    }
}
