import CollectorSupport
import HTTPTypes
import NIOCore
import Shared
import Support
import Testing

@testable import Service

@Suite("Service, sessions") struct SessionTests {
    private static let token = SHA256.hash("a-token-0123456789abcdef".utf8)
    private static let now: Int64 = 1_800_000_000

    private static func sessions(_ folder: TemporaryFolder) throws -> Sessions {
        try Sessions(path: folder.path("sessions.json"))
    }

    @Test("A cookie holds for twelve hours without use, and for seven days at most")
    func age() throws {
        let sessions = try Self.sessions(try TemporaryFolder())
        var session = sessions.begin(with: Self.token, at: Self.now)
        func holds(after seconds: Int64) -> Bool {
            sessions.session(sessions.cookie(session)[...], at: Self.now + seconds) != nil
        }
        #expect(holds(after: 0) && holds(after: 12 * 3_600 - 1))
        #expect(!holds(after: 12 * 3_600))
        session.seen = Self.now + 7 * 86_400 - 60
        #expect(holds(after: 7 * 86_400 - 1))
        #expect(!holds(after: 7 * 86_400))
    }

    @Test("A cookie with any other bit is no session")
    func forgery() throws {
        let sessions = try Self.sessions(try TemporaryFolder())
        let cookie = sessions.cookie(sessions.begin(with: Self.token, at: Self.now))
        #expect(sessions.session(cookie[...], at: Self.now) != nil)
        let bytes = try #require(Base64URL.decode(cookie))
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 1
            #expect(sessions.session(Base64URL.encode(changed)[...], at: Self.now) == nil, "byte \(index)")
        }
        for text in [
            "", "x", cookie + "A", String(cookie.dropLast()), cookie + "=", Base64URL.encode(bytes.dropLast()),
        ] {
            #expect(sessions.session(text[...], at: Self.now) == nil, "\(text)")
        }
        let other = try Self.sessions(try TemporaryFolder())
        #expect(other.session(cookie[...], at: Self.now) == nil, "another service's key")
    }

    @Test("A cookie names its token by a code that depends on the service's key")
    func tag() throws {
        let sessions = try Self.sessions(try TemporaryFolder())
        let session = sessions.begin(with: Self.token, at: Self.now)
        #expect(session.token == sessions.tag(of: Self.token))
        #expect(session.token != Array(Self.token.prefix(16)))
        let cookie = try #require(Base64URL.decode(sessions.cookie(session)))
        #expect(!cookie.indices.contains { cookie[$0...].starts(with: Self.token.prefix(8)) })
        #expect(session.token != (try Self.sessions(try TemporaryFolder())).tag(of: Self.token))
    }

    @Test("A session that was ended stays ended, also for the next process, and others go on")
    func end() throws {
        let folder = try TemporaryFolder()
        let sessions = try Self.sessions(folder)
        let (first, second) = (
            sessions.begin(with: Self.token, at: Self.now), sessions.begin(with: Self.token, at: Self.now)
        )
        #expect(first.id != second.id)
        try sessions.end(first, at: Self.now)
        for sessions in [sessions, try Self.sessions(folder)] {
            #expect(sessions.session(sessions.cookie(first)[...], at: Self.now + 1) == nil)
            #expect(sessions.session(sessions.cookie(second)[...], at: Self.now + 1) != nil)
        }
    }

    @Test("Too many ended sessions end all, so that their file stays small")
    func bound() throws {
        let folder = try TemporaryFolder()
        // As 5,000 sign-outs leave it.
        let ended = (0..<5_000).map { "\"\($0)\":\(Self.now + 1_000)" }.joined(separator: ",")
        try folder.write(
            "sessions.json", #"{"key":"\#(Base64URL.encode(Array(repeating: 7, count: 32)))","ended":{\#(ended)}}"#)
        let sessions = try Self.sessions(folder)
        let (kept, last) = (
            sessions.begin(with: Self.token, at: Self.now), sessions.begin(with: Self.token, at: Self.now)
        )
        let cookie = sessions.cookie(kept)
        #expect(sessions.session(cookie[...], at: Self.now) != nil)
        try sessions.end(last, at: Self.now)
        #expect(sessions.session(cookie[...], at: Self.now) == nil)
        #expect(try folder.read("sessions.json").utf8.count < 200)
    }

    @Test("A damaged file ends all sessions, and one that cannot be read is an error")
    func damage() throws {
        let folder = try TemporaryFolder()
        let sessions = try Self.sessions(folder)
        let cookie = sessions.cookie(sessions.begin(with: Self.token, at: Self.now))
        for text in ["", "{", #"{"key":"AA","ended":{}}"#, "[]"] {
            try folder.write("sessions.json", text)
            #expect(try Self.sessions(folder).session(cookie[...], at: Self.now) == nil, "\(text)")
        }
        #expect(throws: (any Error).self) { try Sessions(path: folder.path) }
        #expect(throws: (any Error).self) { try Sessions(path: folder.path("nowhere/sessions.json")) }
    }

    @Test("A form belongs to one session or browser")
    func forms() throws {
        let sessions = try Self.sessions(try TemporaryFolder())
        let (one, other): ([UInt8], [UInt8]) = (.random(16), .random(16))
        #expect(sessions.isFormToken(sessions.formToken(for: one), for: one))
        #expect(!sessions.isFormToken(sessions.formToken(for: other), for: one))
        #expect(!sessions.isFormToken("", for: one))
    }

    @Test(
        "The client of a proxy on this machine is the last address that the proxy names",
        arguments: [
            ("192.0.2.1", nil, "192.0.2.1", false),
            ("192.0.2.1", "203.0.113.7", "192.0.2.1", false),
            ("127.0.0.1", nil, "local", true),
            ("::1", nil, "local", true),
            ("::ffff:127.0.0.1", nil, "local", true),
            ("::ffff:192.0.2.1", nil, "192.0.2.1", false),
            (nil, nil, "local", true),
            (nil, "203.0.113.7", "203.0.113.7", false),
            ("127.0.0.1", "203.0.113.7", "203.0.113.7", false),
            ("127.0.0.1", "1.1.1.1,  203.0.113.7", "203.0.113.7", false),
            ("127.0.0.1", "203.0.113.7:4711", "203.0.113.7", false),
            ("127.0.0.1", "2001:db8:1:2::9", "2001:db8:1:2::/64", false),
            ("127.0.0.1", "[2001:db8:1:2::9]:80", "2001:db8:1:2::/64", false),
            ("127.0.0.1", "unknown", "local", true),
            ("127.0.0.1", "", "local", true),
            ("127.0.0.1", "127.0.0.1", "local", true),
        ] as [(String?, String?, String, Bool)])
    func client(_ peer: String?, _ forwarded: String?, _ name: String, _ isShared: Bool) throws {
        var headers = HTTPFields()
        if let forwarded { headers[try #require(HTTPField.Name("X-Forwarded-For"))] = forwarded }
        let address = ClientAddress(peer: try peer.map { try SocketAddress(ipAddress: $0, port: 1) }, headers)
        #expect(address.name == name)
        #expect(address.isShared == isShared)
    }
}
