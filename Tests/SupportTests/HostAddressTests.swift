import Testing

@testable import CollectorSupport

@Suite("Addresses of hosts")
struct HostAddressTests {
    @Test(
        "A combining character hides no separator",
        arguments: [
            // The password, the port and the end of the host are where their bytes are, as in every program that asks.
            ("http://user:secret@\u{301}host/", HostAddress.ParseError.hasUser), ("user@\u{301}host", .hasUser),
            ("http://host/\u{301}path", .characters), ("http://host#\u{301}top", .fragment),
            ("http:/\u{301}/host", .noHost), ("http://\u{301}host", .characters), ("host:\u{301}80", .noHost),
            ("host:80\u{301}", .noHost), ("h\u{301}ost", .noHost), ("[::1]\u{301}:80", .noHost),
        ])
    func combining(text: String, error: HostAddress.ParseError) {
        #expect(throws: error) { try HostAddress(parsing: text, service: "canvas") }
    }

    @Test(
        "A host and its port are split at the only colon, or after the brackets",
        arguments: [
            ("a", "a", nil), ("a.b-c_d", "a.b-c_d", nil), ("a:1", "a", 1), ("a:65535", "a", 65_535),
            ("::1", "[::1]", nil),
            ("[::1]", "[::1]", nil), ("[::1]:80", "[::1]", 80), ("fe80::1", "[fe80::1]", nil),
            ("127.0.0.1:9480", "127.0.0.1", 9_480),
        ] as [(String, String, Int?)])
    func split(text: String, host: String, port: Int?) throws {
        let parts = try #require(HostAddress.hostAndPort(text))
        #expect(parts.host == host && parts.port == port)
    }

    @Test(
        "Text that is no host has neither host nor port",
        arguments: [
            "", ":", ":80", "a:", "a:0", "a:65536", "a:1:2", "a:b:c", "...", ".:80", "[", "[]", "[a]", "[a]:80", "[::1",
            "[::1]80",
            "[::1]:", "a b", "a/b", "ä", "a:+1", "a:1 ",
        ])
    func none(text: String) {
        #expect(HostAddress.hostAndPort(text) == nil)
    }

    @Test(
        "The mark of a scheme is the first one",
        arguments: [
            ("http://a", 4), ("://", 0), ("a:b://c", 3), ("a:/b://c", 4), ("a::///", 2), ("http://a/?u=http://b", 4),
            ("", nil), ("a:/", nil), ("a:/ /b", nil), ("ä://b", 2),
        ] as [(String, Int?)])
    func mark(text: String, offset: Int?) {
        let start = text.schemeMark.map { text.utf8.distance(from: text.startIndex, to: $0.lowerBound) }
        #expect(start == offset)
        #expect(text.schemeMark.map { text[$0] } == offset.map { _ in "://" })
    }
}
