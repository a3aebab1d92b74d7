import Shared
import Synchronization

/// A line on a terminal that shows the progress of slow work; quick work shows nothing.
///
/// ```swift
/// let removed = try await Spinner.show("removing", on: .standardError, environment: environment) { spinner in
///     spinner.update("removing: 3 of 500 verifications")
///     …
/// }
/// ```
package final class Spinner: Sendable {
    private let text: Mutex<String>
    private let terminal: Terminal

    private init(_ text: String, terminal: Terminal) {
        self.text = Mutex(text)
        self.terminal = terminal
    }

    /// Replaces the text of the line.
    package func update(_ text: String) {
        self.text.withLock { $0 = text }
    }

    /// Does the work, and shows the line after a second until the work is done. Writes nothing unless it is on a terminal.
    ///
    /// - Parameters:
    ///   - text: the text until the work updates it.
    ///   - delay: the time before the line appears.
    package static func show<Value: Sendable>(
        _ text: String, on terminal: Terminal, environment: [String: String], after delay: Duration = .seconds(1),
        _ work: (Spinner) async throws -> Value
    ) async throws -> Value {
        let spinner = Spinner(text, terminal: terminal)
        guard terminal.isInteractive(environment: environment) else { return try await work(spinner) }
        let writing = Task { await spinner.write(after: delay) }
        do {
            let value = try await work(spinner)
            await spinner.end(writing)
            return value
        } catch {
            await spinner.end(writing)
            throw error
        }
    }

    private func write(after delay: Duration) async {
        let clock = ContinuousClock()
        let start = clock.now
        do {
            try await Task.sleep(for: delay)
            while true {
                let layout = terminal.layout
                let line = "\(text.withLock { $0 }) … \((clock.now - start).brief)"
                let shown = layout.encoded(Sanitizer.singleLine(line))
                    .clipped(toColumns: terminal.size.columns, ellipsis: layout.ellipsis)
                terminal.write("\r\u{1B}[K" + shown)
                try await Task.sleep(for: .milliseconds(200))
            }
        } catch {
            // Cancelled: the work is done. Clear the line for the output that follows.
            if clock.now - start >= delay { terminal.write("\r\u{1B}[K") }
        }
    }

    private func end(_ writing: Task<Void, Never>) async {
        writing.cancel()
        await writing.value
    }
}
