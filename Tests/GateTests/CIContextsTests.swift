import ArgumentParser
import Testing

@testable import Collector
@testable import CollectorSupport
@testable import Gate

@Suite("Gate, CI: the list of required contexts")
struct CIContextsTests {
    @Test(
        "A list of contexts is parsed",
        arguments: [
            ("CI / build (push)", ["CI / build (push)"]), ("a, b ,c", ["a", "b", "c"]), ("a,,b,", ["a", "b"]),
            ("build (ubuntu, 3.11), lint", ["build (ubuntu, 3.11)", "lint"]), (#"a\, b,c"#, ["a, b", "c"]),
            ("a (b, c", ["a (b, c"]), ("a), b", ["a)", "b"]),
        ])
    func lists(text: String, contexts: [String]) throws {
        #expect(try CIContexts.parse(text) == contexts)
        #expect(try CIOptions.parse(["--context", text]).contexts() == contexts)
    }

    @Test("An empty list of contexts is a configuration error", arguments: [",", "", " ", " , ,", "\t,\n"])
    func empty(text: String) async {
        #expect(throws: (any Error).self) { try CIContexts.parse(text) }
        #expect(throws: (any Error).self) { try CIOptions.parse(["--context", "a", "--context", text]) }
        let code = await Invocation(
            arguments: ["wait-ci", "--sha", "c0ffee5eed1234567890abcdef1234567890abcd", "--context", text],
            environment: [:]
        ).run()
        #expect(code == 64)
    }

    @Test("A missing list is an error; duplicates are merged; control characters are rejected")
    func others() throws {
        #expect(throws: UsageError.self) { try CIOptions.parse([]).contexts() }
        #expect(try CIOptions.parse(["--context", "a,b", "--context", "b"]).contexts() == ["a", "b"])
        #expect(throws: (any Error).self) { try CIContexts.parse("a\u{1B}[31m") }
        #expect(throws: (any Error).self) { try CIContexts.parse(String(repeating: "a", count: 513)) }
        let many = (0...CIContexts.limit).map(String.init).joined(separator: ",")
        #expect(throws: UsageError.self) { try CIOptions.parse(["--context", many]).contexts() }
    }
}
