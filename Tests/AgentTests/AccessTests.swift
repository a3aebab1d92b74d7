import Foundation
import Glibc
import Logging
import NIOCore
import Shared
import Support
import Synchronization
import Testing

@testable import Agent

@Suite("Authentication") struct AccessTests {
    static let token = "correct-horse-battery"
    static let other = "staple-staple-staple"

    private static let silent = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    private func access(_ text: String = token, in folder: TemporaryFolder) throws -> AccessControl {
        let path = try folder.secret(text, to: "token")
        return try AccessControl(AccessConfiguration(tokenFile: path), logger: Self.silent)
    }

    @Test(
        "Every route but /healthz requires a token",
        arguments: [
            ("GET", "/buildinfo", "", "401"), ("GET", "/metrics", "", "401"), ("GET", "/nowhere", "", "401"),
            ("POST", "/buildinfo", "", "401"), ("GET", "/healthz", "", "200"), ("HEAD", "/healthz", "", "200"),
            ("POST", "/healthz", "", "405"),
            ("GET", "/buildinfo", "Authorization: Bearer correct-horse-battery\r\n", "200"),
            ("GET", "/buildinfo", "authorization: bearer   correct-horse-battery\r\n", "200"),
            ("GET", "/buildinfo", "Authorization: Bearer staple-staple-staple\r\n", "200"),
            ("GET", "/nowhere", "Authorization: Bearer correct-horse-battery\r\n", "404"),
            ("GET", "/buildinfo", "Authorization: Bearer correct-horse-batterx\r\n", "401"),
            ("GET", "/buildinfo", "Authorization: Bearer correct-horse-batter\r\n", "401"),
            ("GET", "/buildinfo", "Authorization: Bearer correct-horse-battery x\r\n", "401"),
            ("GET", "/buildinfo", "Authorization: Bearer\r\n", "401"),
            ("GET", "/buildinfo", "Authorization: Bearer \r\n", "401"),
            ("GET", "/buildinfo", "Authorization: Basic correct-horse-battery\r\n", "401"),
            ("GET", "/buildinfo", "Authorization: correct-horse-battery\r\n", "401"),
            ("GET", "/buildinfo?token=correct-horse-battery", "", "401"),
            (
                "GET", "/buildinfo",
                "Authorization: Bearer correct-horse-battery\r\nAuthorization: Bearer staple-staple-staple\r\n", "401"
            ),
        ])
    func token(method: String, target: String, headers: String, status: String) async throws {
        let folder = try TemporaryFolder()
        let access = try access("\(Self.token)\n\n\(Self.other)\r\n", in: folder)
        try await withServer(access: access) { server in
            let answer = try await server.get(target, headers: headers, method: method)
            #expect(answer.statuses == [status])
            #expect(answer.header("WWW-Authenticate") == (status == "401" ? "Bearer" : nil))
            #expect(!answer.contains(Self.token) && !answer.contains(Self.other))
        }
    }

    @Test(
        "An invalid token file is refused with its line, and without its content",
        arguments: [
            ("", "has no token"), ("\n\n", "has no token"), ("short\n", "line 1"),
            ("correct-horse-battery\nfifteen-letters\n", "line 2"), ("correct horse battery\n", "line 1"),
            ("correct-horse-batteryß\n", "line 1"), ("correct-horse-battery\u{0}\n", "line 1"),
            (String(repeating: "a", count: 4_097), "line 1"),
            (String(repeating: "correct-horse-battery\n", count: 17), "more than 16"),
        ])
    func invalidTokens(text: String, message: String) throws {
        let folder = try TemporaryFolder()
        do {
            _ = try access(text, in: folder)
            Issue.record("it was accepted")
        } catch let error as AccessError {
            #expect("\(error)".contains(message) && "\(error)".contains(folder.file("token")), "\(error)")
            #expect(!"\(error)".contains("horse") && !"\(error)".contains("short"))
        }
    }

    @Test("Tokens can have 16 to 4096 characters")
    func lengths() throws {
        let (short, long) = (String(repeating: "s", count: 16), String(repeating: "l", count: 4_096))
        let tokens = try BearerTokens(parsing: Array("\(short)\n\(long)".utf8))
        #expect(tokens.contains(short[...]) && tokens.contains(long[...]))
        #expect(!tokens.contains(short.dropLast()) && !tokens.contains(long.dropLast()) && !tokens.contains(""))
        var dumped = ""
        dump(tokens, to: &dumped)
        for text in [dumped, "\(tokens)", String(reflecting: tokens)] { #expect(!text.contains("hashes")) }
    }

    @Test(
        "A file that others can read is refused, except one from systemd",
        arguments: [
            (AccessFile.Kind.token, 0o600, false, true), (.token, 0o400, false, true), (.token, 0o640, false, false),
            (.token, 0o644, false, false), (.token, 0o604, false, false), (.token, 0o440, true, true),
            (.token, 0o400, true, true), (.token, 0o444, true, false), (.key, 0o600, false, true),
            (.key, 0o640, false, true), (.key, 0o644, false, false), (.certificate, 0o644, false, true),
            (.clientAuthorities, 0o644, false, true),
        ])
    func permissions(kind: AccessFile.Kind, mode: Int, isCredential: Bool, isPermitted: Bool) throws {
        let folder = try TemporaryFolder()
        let path = try folder.secret("secret", to: "file")
        #expect(chmod(path, mode_t(mode)) == 0)
        let file = AccessFile(
            kind, path, credentials: CredentialFolders(atStart: isCredential ? folder.path : "\(folder.path)-other"))
        guard !isPermitted else {
            #expect(try file.read() == Array("secret".utf8))
            return
        }
        #expect(throws: AccessError.exposed(file)) { try file.read() }
        #expect("\(AccessError.exposed(file))".contains("'\(path)'"))
        #expect("\(AccessError.exposed(file))".contains("chmod 600"))
    }

    @Test("An unreadable file is refused with its path")
    func unreadable() throws {
        let folder = try TemporaryFolder()
        #expect(mkfifo(folder.file("pipe"), 0o600) == 0)
        for (path, why) in [("none", "does not exist"), ("", "not a regular file"), ("pipe", "not a regular file")] {
            do {
                _ = try AccessFile(.token, folder.file(path), credentials: .none).read()
                Issue.record("\(path) was read")
            } catch {
                #expect("\(error)".contains(why) && "\(error)".contains(folder.file(path)), "\(error)")
            }
        }
        let large = try folder.secret(String(repeating: "x", count: (1 << 20) + 1), to: "large")
        #expect(throws: AccessError.self) { try AccessFile(.token, large, credentials: .none).read() }
    }

    // MARK: - Changes

    @Test("A changed file is reloaded on use, at most once a second, and an invalid one changes nothing")
    func changes() throws {
        let folder = try TemporaryFolder()
        let path = try folder.secret("one", to: "file")
        let (time, log) = (TestTime(), LinesLog())
        let value = try FileBacked(
            [AccessFile(.token, path, credentials: .none)], clock: time.clock, logger: Logger(label: "t") { _ in log }
        ) { contents throws(AccessError) in
            let text = String(decoding: contents[0], as: UTF8.self)
            guard text != "bad" else {
                throw .unusable(AccessFile(.token, path, credentials: .none), why: "is bad: fix it")
            }
            return text
        }
        #expect(value.current == "one")
        try folder.secret("three", to: "file")
        #expect(value.current == "one")
        time.advance(.seconds(1))
        #expect(value.current == "three")
        #expect(log.lines.count == 1 && log.lines[0].contains("Reloaded"))

        try folder.secret("bad", to: "file")
        for _ in 1...5 {
            time.advance(.seconds(1))
            #expect(value.current == "three")
        }
        #expect(log.lines.count == 2 && log.lines[1].contains("is bad: fix it"), "\(log.lines)")
        #expect(unlink(path) == 0)
        for _ in 1...5 {
            time.advance(.seconds(1))
            #expect(value.current == "three")
        }
        #expect(log.lines.count == 3, "\(log.lines)")
        try folder.secret("four", to: "file")
        time.advance(.seconds(1))
        #expect(value.current == "four")
    }

    @Test("A file that becomes readable to others is invalid")
    func exposedLater() throws {
        let folder = try TemporaryFolder()
        let path = try folder.secret("one", to: "file")
        let (time, log) = (TestTime(), LinesLog())
        let value = try FileBacked(
            [AccessFile(.token, path, credentials: .none)], clock: time.clock, logger: Logger(label: "t") { _ in log }
        ) { String(decoding: $0[0], as: UTF8.self) }
        #expect(chmod(path, 0o644) == 0)
        time.advance(.seconds(2))
        #expect(value.current == "one")
        #expect(log.lines.count == 1 && log.lines[0].contains("chmod 600"), "\(log.lines)")
    }

    // MARK: - Configuration

    @Test("Flags take precedence over the file, and the file over credentials; pairs stay together")
    func merging() {
        let flags = AccessConfiguration(tokenFile: "/flag")
        let file = AccessConfiguration(
            allowsAnonymous: true, tokenFile: "/file", certificate: "/file.crt", key: "/file.key", clientNames: ["a"])
        let credentials = AccessConfiguration(
            tokenFile: "/c", certificate: "/c.crt", key: "/c.key", clientAuthorities: "/c.ca", clientNames: ["b"])
        #expect(
            flags.or(file).or(credentials)
                == AccessConfiguration(
                    allowsAnonymous: true, tokenFile: "/flag", certificate: "/file.crt", key: "/file.key",
                    clientAuthorities: "/c.ca", clientNames: ["a"]))
        let half = AccessConfiguration(certificate: "/half").or(credentials)
        #expect(half.certificate == "/half" && half.key == nil)
        #expect(throws: AccessError.halfPair(missing: "--tls-key")) { try half.check() }
    }

    @Test("Credentials are the existing files")
    func credentials() throws {
        let folder = try TemporaryFolder()
        #expect(AccessConfiguration.credentials(CredentialFolders(atStart: folder.path)) == AccessConfiguration())
        for name in ["token", "tls.crt", "tls.key", "clients.crt"] { try folder.write("", to: "access_\(name)") }
        #expect(
            AccessConfiguration.credentials(CredentialFolders(atStart: folder.path))
                == AccessConfiguration(
                    tokenFile: folder.file("access_token"), certificate: folder.file("access_tls.crt"),
                    key: folder.file("access_tls.key"), clientAuthorities: folder.file("access_clients.crt")))
        #expect(AccessConfiguration.credentials(.none) == AccessConfiguration())
        #expect(AccessConfiguration.credentials(CredentialFolders(atStart: "relative")) == AccessConfiguration())
    }

    @Test("Incomplete and contradictory settings are refused")
    func incompleteSettings() {
        let cases: [(AccessConfiguration, AccessError)] = [
            (AccessConfiguration(certificate: "/c"), .halfPair(missing: "--tls-key")),
            (AccessConfiguration(key: "/k"), .halfPair(missing: "--tls-certificate")),
            (AccessConfiguration(clientAuthorities: "/a"), .authoritiesWithoutCertificate),
            (AccessConfiguration(certificate: "/c", key: "/k", clientNames: ["a"]), .namesWithoutAuthorities),
            (
                AccessConfiguration(certificate: "/c", key: "/k", clientAuthorities: "/a", clientNames: ["*.x"]),
                .clientName("*.x")
            ),
        ]
        for (configuration, error) in cases { #expect(throws: error) { try configuration.check() } }
    }

    @Test("A client is identified by a whole DNS name, ignoring case")
    func names() {
        let names = ClientNames(["Collector.internal"])
        #expect(names.permit(dnsNames: ["x", "collector.INTERNAL"]))
        for wrong in [[], ["internal"], ["*.internal"], ["collector.internal.evil"], ["a.collector.internal"]] {
            #expect(!names.permit(dnsNames: wrong))
        }
        #expect(!names.permit(nil))
        #expect(ClientNames([]).permit(nil))
        #expect(!ClientNames(["*.internal"]).permit(dnsNames: ["*.internal"]))
    }
}

extension TemporaryFolder {
    /// Writes a file that only its owner can read.
    @discardableResult
    func secret(_ text: String, to name: String) throws -> String {
        let path = try write(text, to: name)
        guard chmod(path, 0o600) == 0 else { throw POSIXError(.EPERM) }
        return path
    }
}

/// A clock that a test advances.
final class TestTime: Sendable {
    private let time = Mutex(ContinuousClock.now)

    func advance(_ duration: Duration) { time.withLock { $0 += duration } }

    var clock: Clock { Clock(now: { [self] in time.withLock { $0 } }, unixMilliseconds: { 0 }) }
}

/// A log that keeps its lines.
final class LinesLog: LogHandler {
    private let kept = Mutex<[String]>([])

    var lines: [String] { kept.withLock { $0 } }
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) {
        kept.withLock { $0.append("\(event.message) \(event.metadata ?? [:])") }
    }
}
