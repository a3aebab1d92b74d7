import Shared
import Testing

@testable import Agent

@Suite struct ProbeURLTests {
    private static let good: [(String, ProbeURL.Endpoint, String, String)] = [
        ("http://127.0.0.1:3000/api/buildinfo", .tcp(host: "127.0.0.1", port: 3_000), "/api/buildinfo", ""),
        ("HTTP://127.1.2.3", .tcp(host: "127.1.2.3", port: 80), "/", ""),
        ("http://[::1]:8080/x", .tcp(host: "::1", port: 8_080), "/x", ""),
        ("http://LocalHost:3000/x?a=b", .tcp(host: "127.0.0.1", port: 3_000), "/x?a=b", "http://LocalHost:3000/x?..."),
        ("http://127.0.0.1:1?a", .tcp(host: "127.0.0.1", port: 1), "/?a", "http://127.0.0.1:1?..."),
        ("unix:/run/canvas.sock:/buildinfo", .unix(path: "/run/canvas.sock"), "/buildinfo", ""),
        ("unix:///run/canvas.sock:/", .unix(path: "/run/canvas.sock"), "/", ""),
    ]

    @Test("A probe URL leads to loopback or a unix socket, and shows no query", arguments: good)
    func usable(text: String, endpoint: ProbeURL.Endpoint, target: String, shown: String) throws {
        let url = try ProbeURL(parsing: text)
        #expect(url.endpoint == endpoint)
        #expect(url.target == target)
        #expect(url.description == (shown.isEmpty ? text : shown))
    }

    private static let bad: [(String, ProbeURL.ParseError)] = [
        ("http://10.0.0.1:80/", .notLoopback("10.0.0.1")), ("http://0.0.0.0/", .notLoopback("0.0.0.0")),
        ("http://128.0.0.1/", .notLoopback("128.0.0.1")), ("http://[::]/", .notLoopback(Sanitizer.singleLine("::"))),
        ("http://[2001:db8::1]:80/", .notLoopback("2001:db8::1")), ("http://127.1/", .notLoopback("127.1")),
        ("http://localhost.evil.example/", .notLoopback("localhost.evil.example")),
        ("http://127.0.0.1.evil.example/", .notLoopback("127.0.0.1.evil.example")),
        ("http://127.0.0.1\\@evil.example/", .userInfo), ("http://user:word@127.0.0.1/", .userInfo),
        ("http://127.0.0.1:0/", .port), ("http://127.0.0.1:65536/", .port), ("http://127.0.0.1:/", .port),
        ("http://127.0.0.1:80x/", .port), ("http://[::1]x/", .port), ("http://:80/", .scheme),
        ("https://127.0.0.1/", .https), ("ftp://127.0.0.1/", .scheme), ("127.0.0.1:3000/x", .scheme), ("", .scheme),
        ("http://127.0.0.1/#x", .fragment), ("http://127.0.0.1/a b", .notText), ("http://127.0.0.1/\r\nX: y", .notText),
        ("http://127.0.0.1/ü", .notText), ("unix:/run/x.sock", .unix), ("unix:run/x.sock:/x", .unix),
        ("unix:/run/x.sock:x", .unix), ("unix:/:/x", .unix), ("unix:/\(String(repeating: "x", count: 107)):/", .unix),
        ("http://127.0.0.1/" + String(repeating: "x", count: 1_024), .tooLong),
    ]

    @Test("Any other URL is refused with a remedy", arguments: bad)
    func refused(text: String, error: ProbeURL.ParseError) {
        #expect(throws: error) { try ProbeURL(parsing: text) }
        #expect("\(error)".contains(": "))
    }
}
