import Testing

@testable import Agent

@Suite struct PreferencesTests {
    struct Example: CustomTestStringConvertible, Sendable {
        var fields: [String]
        var wait: Int?
        init(_ fields: String..., wait: Int?) {
            self.fields = fields
            self.wait = wait
        }
        var testDescription: String { "\(fields) \(wait.map(String.init) ?? "none")" }
    }

    @Test(
        "The preference wait is parsed as in RFC 7240, clamped, and ignored if malformed",
        arguments: [
            Example("wait=10", wait: 10), Example("wait=0", wait: 0), Example("wait=55", wait: 55),
            Example("wait=56", wait: 55), Example("wait=99999999999999999999999999", wait: 55),
            Example("wait=007", wait: 7), Example("WAIT=10", wait: 10), Example("  wait = 10  ", wait: 10),
            Example("wait\t=\t10", wait: 10), Example("wait=\"10\"", wait: 10),
            Example("respond-async, wait=10", wait: 10), Example("respond-async,wait=10,foo", wait: 10),
            Example("wait=10; foo=\"bar,baz\"", wait: 10), Example("wait=10;foo", wait: 10),
            Example("foo=\"a, wait=5\", wait=10", wait: 10), Example("foo=\"\\\", wait=5\", wait=10", wait: 10),
            Example("foo;wait=5, wait=10", wait: 10), Example("respond-async", "wait=20", wait: 20),
            Example(", ,wait=10", wait: 10),
            // Of two the first counts.
            Example("wait=10, wait=20", wait: 10), Example("wait=10", "wait=20", wait: 10),
            Example("wait=x, wait=20", wait: nil),
            Example(wait: nil), Example("", wait: nil), Example("wait", wait: nil), Example("wait=", wait: nil),
            Example("wait=\"\"", wait: nil), Example("wait=\"", wait: nil), Example("wait=-1", wait: nil),
            Example("wait=+1", wait: nil), Example("wait=1.5", wait: nil), Example("wait=1e3", wait: nil),
            Example("wait=0x10", wait: nil), Example("wait=10s", wait: nil), Example("wait=1 0", wait: nil),
            Example("wait=ten", wait: nil), Example("wait=١", wait: nil), Example("waiter=10", wait: nil),
            Example("nowait=10", wait: nil), Example("foo=\"wait=10\"", wait: nil), Example("=10", wait: nil),
            Example("wait==10", wait: nil), Example("foo=\"unclosed, wait=10", wait: nil),
        ])
    func wait(example: Example) {
        #expect(Preferences.wait(example.fields) == example.wait)
    }
}
