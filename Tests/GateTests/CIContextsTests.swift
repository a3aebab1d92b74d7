import ArgumentParser
import Testing

@testable import Collector
@testable import CollectorSupport
@testable import Gate

@Suite("CI options: the list of required contexts")
struct CIContextsTests {
    @Test(
        "Commas separate contexts, except in parentheses and behind a backslash",
        arguments: [
            ("CI / build (push)", ["CI / build (push)"]), ("a, b ,c", ["a", "b", "c"]), ("a,,b,", ["a", "b"]),
            ("build (ubuntu, 3.11), lint", ["build (ubuntu, 3.11)", "lint"]), (#"a\, b,c"#, ["a, b", "c"]),
            ("a (b, c", ["a (b, c"]), ("a), b", ["a)", "b"]),
        ])
    func lists(text: String, contexts: [String]) throws {
        #expect(try ArgumentText.contexts(text) == contexts)
        #expect(try CIOptions.parse(["--context", text]).contexts() == contexts)
    }

    @Test("An empty list is a usage error", arguments: [",", "", " ", " , ,", "\t,\n"])
    func empty(text: String) async {
        #expect(throws: (any Error).self) { try ArgumentText.contexts(text) }
        #expect(throws: (any Error).self) { try CIOptions.parse(["--context", "a", "--context", text]) }
        let code = await Invocation(
            arguments: ["wait-ci", "--sha", "c0ffee5eed1234567890abcdef1234567890abcd", "--context", text],
            environment: [:]
        ).run()
        #expect(code == 64)
    }

    @Test("A missing list is an error, duplicates count once, and control characters are rejected")
    func missingAndDuplicate() throws {
        #expect(throws: UsageError.self) { try CIOptions.parse([]).contexts() }
        #expect(try CIOptions.parse(["--context", "a,b", "--context", "b"]).contexts() == ["a", "b"])
        #expect(throws: (any Error).self) { try ArgumentText.contexts("a\u{1B}[31m") }
        #expect(throws: (any Error).self) { try ArgumentText.contexts(String(repeating: "a", count: 513)) }
        let many = (0...100).map(String.init).joined(separator: ",")
        #expect(throws: UsageError.self) { try CIOptions.parse(["--context", many]).contexts() }
    }
}
