import Shared
import Testing

@testable import Agent
@testable import AgentCore

/// Guards of engine requests that no scan depends on; `Tests/Guards` removes each of them once.
@Suite struct EngineGuardTests {
    @Test(
        "A valid reference with characters that need an escape is not put into a request",
        arguments: [
            // An IPv6 registry in brackets; a Kelvin sign, which is a plain k in lower case.
            "[::1]:5000/canvas:latest", "registry.\u{212A}/canvas:latest",
        ])
    func escapes(reference: String) {
        #expect(ImageReference(parsing: reference)?.effectiveTag == "latest")
        #expect(TaggedReference(typed: reference) == nil)
    }

    @Test("A plain reference is requested as typed, without its digest")
    func plain() {
        let digest = "sha256:" + String(repeating: "a", count: 64)
        #expect(
            TaggedReference(typed: "registry.example:5000/canvas:1.2")?.description
                == "registry.example:5000/canvas:1.2")
        #expect(TaggedReference(typed: "canvas")?.description == "canvas")
        #expect(TaggedReference(typed: "canvas:1@\(digest)")?.description == "canvas:1")
        #expect(TaggedReference(typed: "canvas@\(digest)") == nil)
    }
}
