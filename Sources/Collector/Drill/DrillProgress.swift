package import CollectorSupport
import Shared

/// One line on a terminal that says how far a drill is, drawn again in place.
package struct DrillProgress: Sendable {
    let terminal: Terminal
    private let start = ContinuousClock.now

    /// nil where nobody looks: a drill is over before a log needs to hear of it.
    package init?(on terminal: Terminal, environment: [String: String]) {
        guard terminal.isInteractive(environment: environment) else { return nil }
        self.terminal = terminal
    }

    package func show(done: Int, of count: Int, running: [String]) {
        let elapsed = ContinuousClock.now - start
        terminal.write("\r\u{1B}[J" + Self.line(done, count, running, elapsed: elapsed, columns: terminal.size.columns))
    }

    func clear() {
        terminal.write("\r\u{1B}[J")
    }

    /// Fits into the columns, so that drawing it again starts where it began.
    package static func line(_ done: Int, _ count: Int, _ running: [String], elapsed: Duration, columns: Int) -> String
    {
        let seconds = "\(Double(Int(elapsed.seconds * 10)) / 10)s"
        let text = "drill  \(seconds)  \(done) of \(count) fleets judged; now: \(running.joined(separator: ", "))"
        return text.count < columns ? text : text.prefix(max(1, columns - 2)) + "…"
    }
}
