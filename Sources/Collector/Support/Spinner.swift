import Shared
import Synchronization

/// One line on a terminal about work that takes long, and nothing about work that does not.
///
/// ```swift
/// let removed = try await Spinner.show("removing", on: .standardError, environment: environment) { line in
///     line.say("removing: 3 of 500 verifications")
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

    /// What the line says from now on.
    package func say(_ text: String) {
        self.text.withLock { $0 = text }
    }

    /// Does the work, and shows the line from the first second on until it is done. Elsewhere than on a terminal nothing is
    /// written.
    ///
    /// - Parameters:
    ///   - text: what the line says until the work says otherwise.
    ///   - delay: how long the work may take without a word.
    package static func show<Value: Sendable>(
        _ text: String, on terminal: Terminal, environment: [String: String], after delay: Duration = .seconds(1),
        _ work: (Spinner) async throws -> Value
    ) async throws -> Value {
        let line = Spinner(text, terminal: terminal)
        guard terminal.isInteractive(environment: environment) else { return try await work(line) }
        let writing = Task { await line.write(after: delay) }
        do {
            let value = try await work(line)
            await line.end(writing)
            return value
        } catch {
            await line.end(writing)
            throw error
        }
    }

    private func write(after delay: Duration) async {
        let clock = ContinuousClock()
        let start = clock.now
        do {
            try await Task.sleep(for: delay)
            while true {
                let width = terminal.size.columns
                let said = "\(text.withLock { $0 }) … \((clock.now - start).brief)"
                terminal.write("\r\u{1B}[K" + Sanitizer.singleLine(said, limit: max(1, width - 1)))
                try await Task.sleep(for: .milliseconds(200))
            }
        } catch {
            // Cancelled: the work is done. What was written gives way to what comes.
            if clock.now - start >= delay { terminal.write("\r\u{1B}[K") }
        }
    }

    private func end(_ writing: Task<Void, Never>) async {
        writing.cancel()
        await writing.value
    }
}
