import Glibc
import Synchronization

/// Lines at the end of a terminal that are redrawn in place. The cursor is hidden while they are shown.
///
/// They never need more rows than the screen has. Anything else that this process writes to the terminal replaces them; the
/// next drawing continues below it.
///
/// ```swift
/// var display = RedrawnLines(on: .standardError)
/// display.draw(["2 of 5 done"])
/// display.draw(["5 of 5 done"])
/// display.keep()  // or erase()
/// ```
package struct RedrawnLines: Sendable {
    /// The lines on the screen.
    private struct Frame {
        /// The columns of each line.
        var widths: [Int]
        /// The width of the terminal when they were drawn.
        var columns: Int

        /// The rows that the lines take on a terminal that has become narrower: most terminals then wrap them.
        func rows(on columns: Int) -> Int {
            guard columns < self.columns, RedrawnLines.rewrapsLines else { return widths.count }
            return widths.reduce(0) { $0 + max(1, ($1 + columns - 1) / columns) }
        }
    }

    /// The frames of this process by descriptor.
    private static let frames = Mutex<[Int32: Frame]>([:])

    /// False for terminals that cut long lines off when they become narrower: the Linux console, xterm, GNU screen.
    private static let rewrapsLines: Bool = {
        let environment = ProcessEnvironment.current
        let terminal = environment["TERM"] ?? ""
        if environment["TMUX"] != nil { return true }
        return terminal != "linux" && !terminal.hasPrefix("screen") && environment["XTERM_VERSION"] == nil
    }()

    private let terminal: Terminal

    package init(on terminal: Terminal) {
        self.terminal = terminal
    }

    package var size: (columns: Int, rows: Int) { terminal.size }

    /// Replaces the lines. Lines that are too long are cut, and lines beyond the screen's height are left out.
    package mutating func draw(_ lines: [String]) {
        // A frame is out of date by the time that a reader that stopped would see it.
        if terminal.isStopped { return }
        let (columns, rows) = terminal.size
        let layout = terminal.layout
        let fitted = lines.prefix(max(1, rows - 1)).map {
            layout.encoded($0).clipped(toColumns: columns, ellipsis: layout.ellipsis)
        }
        Self.changing { frames in
            if HiddenCursor.isPaused { return }
            // A process that was stopped finds the shell's output below its lines.
            if HiddenCursor.takeContinued() { frames[terminal.descriptor] = nil }
            let hide = terminal.isTerminal ? HiddenCursor.hide(on: terminal.descriptor) : ""
            let rise = Self.rise(over: frames[terminal.descriptor], (columns, rows)).text
            // Line by line: tmux keeps a copy of a screen that is cleared as a whole in its history.
            let lines = fitted.map { "\($0)\u{1B}[K\n" }.joined()
            terminal.write((hide + rise + lines + "\u{1B}[J").utf8)
            frames[terminal.descriptor] = Frame(widths: fitted.map(\.displayWidth), columns: columns)
        }
    }

    /// Removes the lines.
    package mutating func erase() {
        Self.changing { frames in
            let frame = HiddenCursor.takeContinued() ? nil : frames[terminal.descriptor]
            frames[terminal.descriptor] = nil
            terminal.write((Self.erasure(of: frame, terminal.size) + HiddenCursor.show()).utf8)
        }
    }

    /// Leaves the lines on the screen. The next output follows below.
    package mutating func keep() {
        Self.changing { frames in
            frames[terminal.descriptor] = nil
            terminal.write(HiddenCursor.show().utf8)
        }
    }

    private static func changing(_ change: (inout [Int32: Frame]) -> Void) {
        frames.withLock { frames in HiddenCursor.drawing { change(&frames) } }
    }

    /// Moves the cursor to the first row of a frame.
    private static func rise(over frame: Frame?, _ size: (columns: Int, rows: Int)) -> (text: String, rows: Int) {
        // Rows that left the screen at its top cannot be reached.
        let rows = min(frame?.rows(on: size.columns) ?? 0, max(0, size.rows - 1))
        return ((rows > 0 ? "\u{1B}[\(rows)A" : "") + "\r", rows)
    }

    private static func erasure(of frame: Frame?, _ size: (columns: Int, rows: Int)) -> String {
        let (rise, rows) = rise(over: frame, size)
        guard rows > 0 else { return rise + "\u{1B}[K" }
        return rise + String(repeating: "\u{1B}[K\n", count: rows) + "\u{1B}[K" + rise
    }

    /// Erases the lines on a terminal, and writes other output in their place.
    ///
    /// Standard output and standard error are mostly the same terminal.
    static func withoutFrame(on terminal: Terminal, _ write: () -> Bool) -> Bool {
        frames.withLock { frames in
            let streams = [STDOUT_FILENO, STDERR_FILENO]
            let descriptors = streams.contains(terminal.descriptor) ? streams : [terminal.descriptor]
            for descriptor in descriptors {
                guard let frame = frames.removeValue(forKey: descriptor) else { continue }
                HiddenCursor.drawing {
                    let shown = HiddenCursor.takeContinued() ? nil : frame
                    terminal.write((erasure(of: shown, terminal.size) + HiddenCursor.show()).utf8)
                }
            }
            return write()
        }
    }
}
