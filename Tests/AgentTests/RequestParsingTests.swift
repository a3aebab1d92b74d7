import Shared
import Testing

@testable import Agent

@Suite("Request parsing") struct RequestParsingTests {
    @Test(
        "A target is routed by its exact path",
        arguments: [
            ("/buildinfo", Route.document(service: "canvas", nonce: nil)),
            ("/api/buildinfo", .document(service: "canvas", nonce: nil)),
            ("/buildinfo/web", .document(service: "web", nonce: nil)),
            ("/buildinfo/canvas?x=1", .document(service: "canvas", nonce: nil)),
            ("http://host:9480/buildinfo/web", .document(service: "web", nonce: nil)),
            ("/healthz", .health), ("/metrics?x", .metrics),
            ("/", .notFound), ("", .notFound), ("*", .notFound), ("/buildinfo/", .notFound),
            ("/buildinfo/other", .notFound),
            ("/buildinfo/web/x", .notFound), ("//buildinfo", .notFound), ("/BUILDINFO", .notFound),
            ("/buildinfo/../metrics", .notFound),
            ("http://host", .notFound),
        ])
    func routes(target: String, expected: Route) {
        #expect(Route(target: target, services: ["canvas", "web"]) == expected)
    }

    @Test(
        "A nonce is decoded once and kept byte for byte",
        arguments: [
            ("nonce=abc", "abc"), ("a=b&nonce=a%20b%22", "a b\""), ("nonce=a+b", "a+b"), ("nonce=%25%32", "%2"),
            ("nonce=a=b", "a=b"), ("nonce=" + String(repeating: "x", count: 128), String(repeating: "x", count: 128)),
        ])
    func nonces(query: String, expected: String) {
        guard case .document(_, let nonce?) = Route(target: "/buildinfo?\(query)", services: ["canvas"]) else {
            Issue.record("no nonce in \(query)")
            return
        }
        #expect(nonce.text == expected)
    }

    @Test(
        "A bad nonce is refused",
        arguments: [
            "nonce=", "nonce", "nonce=%", "nonce=%4", "nonce=%zz", "nonce=%0a", "nonce=%00", "nonce=%C3%A9", "nonce=é",
            "nonce=a&nonce=b", "nonce=%7F", "nonce=" + String(repeating: "x", count: 129),
        ])
    func badNonces(query: String) {
        #expect(Route(target: "/buildinfo?\(query)", services: ["canvas"]) == .badNonce)
    }

    @Test(
        "If-None-Match compares weakly with every tag of a list",
        arguments: [
            (["\"a\""], true), (["W/\"a\""], true), (["\"b\", \"a\""], true), (["\"b\"", "W/\"a\""], true),
            (["*"], true),
            (["\"b\""], false), ([], false), ([""], false), (["a"], false), (["\"a"], false), (["\"b,\"a\""], false),
            ([", ,\"a\""], true),
        ])
    func entityTags(fields: [String], expected: Bool) {
        #expect(EntityTags.match(fields, tag: "\"a\"") == expected)
    }

    @Test(
        "A listen address is an IP address with a port, or a unix path",
        arguments: [
            ("127.0.0.1:9480", "127.0.0.1:9480", true), ("localhost:1", "127.0.0.1:1", true),
            ("0.0.0.0:80", "0.0.0.0:80", false),
            ("[::1]:80", "[::1]:80", true), ("[::]:80", "[::]:80", false), ("127.9.9.9:0", "127.9.9.9:0", true),
            ("unix:/run/a.sock", "unix:/run/a.sock", true), ("unix:///run/a.sock", "unix:/run/a.sock", true),
            ("10.0.0.1:80", "10.0.0.1:80", false), ("[::ffff:127.0.0.1]:80", "[::ffff:127.0.0.1]:80", true),
        ])
    func addresses(text: String, shown: String, isLocal: Bool) throws {
        let address = try ListenAddress(parsing: text)
        #expect("\(address)" == shown)
        #expect(address.isLocal == isLocal)
    }

    @Test(
        "Anything but an address is refused",
        arguments: [
            "", "9480", ":9480", "host.example:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
            "::1:80", "[1.2.3.4]:80", "unix:relative", "unix:",
        ])
    func refusedAddresses(text: String) {
        #expect(throws: AgentError.listenSyntax(text)) { try ListenAddress(parsing: text) }
    }
}
