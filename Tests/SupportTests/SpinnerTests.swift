import Foundation
import Glibc
import Support
import Testing

@testable import CollectorSupport

@Suite("Spinner")
struct SpinnerTests {
    /// A terminal and what was written to it.
    private struct Screen {
        private let end: PseudoTerminal
        let terminal: Terminal

        init() throws {
            end = try PseudoTerminal()
            terminal = Terminal(descriptor: end.slave)
        }

        func read() -> String { end.read() }
    }

    private let environment = ["TERM": "xterm"]

    @Test("Slow work shows its progress, and clears the line at its end")
    func long() async throws {
        let screen = try Screen()
        var seen = ""
        try await Spinner.show("looking", on: screen.terminal, environment: environment, after: .milliseconds(1)) {
            spinner in
            try await eventually("the line is there") {
                seen += screen.read()
                return seen.contains("looking … ")
            }
            spinner.update("3 of 5\u{1B}[2J")
            try await eventually("the line changes") {
                seen += screen.read()
                return seen.contains("3 of 5\\u{1b}[2J … ")
            }
        }
        #expect((seen + screen.read()).hasSuffix("\r\u{1B}[K"))
    }

    @Test("Quick work, and work without a terminal, shows nothing")
    func short() async throws {
        let screen = try Screen()
        let value = try await Spinner.show("looking", on: screen.terminal, environment: environment) { _ in 7 }
        #expect(value == 7)
        #expect(screen.read().isEmpty)
        let folder = try TemporaryFolder()
        let file = open(try folder.write("out", ""), O_RDWR)
        defer { close(file) }
        try await Spinner.show(
            "looking", on: Terminal(descriptor: file), environment: environment, after: .zero
        ) { _ in try await Task.sleep(for: .milliseconds(50)) }
        #expect(try folder.read("out").isEmpty)
    }

    @Test("An error is passed on, and the line is cleared")
    func failing() async throws {
        let screen = try Screen()
        await #expect(throws: UsageError.self) {
            try await Spinner.show("looking", on: screen.terminal, environment: environment, after: .zero) { _ in
                var seen = ""
                try await eventually("the line is there") {
                    seen += screen.read()
                    return !seen.isEmpty
                }
                throw UsageError("x")
            }
        }
        #expect(screen.read().hasSuffix("\r\u{1B}[K"))
    }
}
