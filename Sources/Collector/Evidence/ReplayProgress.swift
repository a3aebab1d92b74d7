package import CollectorSupport
import Shared

/// What a replay says on standard error: how far it is, at a terminal, and what it found.
package struct ReplayProgress {
    private let terminal: Terminal
    private let isInteractive: Bool

    package init(on terminal: Terminal, environment: [String: String]) {
        self.terminal = terminal
        isInteractive = terminal.isInteractive(environment: environment)
    }

    package func show(lines: Int) {
        if isInteractive { terminal.write("\r\(lines) lines") }
    }

    package func finish(_ outcome: Replay.Outcome) {
        let clear = isInteractive ? "\r\u{1B}[K" : ""
        let lines = "\(outcome.lines) lines, each as it was written"
        terminal.write("\(clear)\(outcome.cut ?? "the same labels and verdict"): \(lines)\n")
    }
}
