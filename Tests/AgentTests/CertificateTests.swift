import Foundation
import Glibc
import Logging
import Shared
import Support
import Synchronization
import Testing

@testable import Agent

/// Field 19: certificates that expire, and tokens and certificates that are renewed.
@Suite("Certificates and renewal") struct CertificateTests {
    private static let day: Int64 = 86_400

    private static func clock(_ time: TestTime, seconds: @escaping @Sendable () -> Int64) -> Clock {
        Clock(now: time.clock.now, unixMilliseconds: { seconds() * 1_000 })
    }

    /// The certificates of a server and an authority, both valid for two days.
    private func files() async throws -> (TestCertificates, AccessConfiguration) {
        let certificates = try await TestCertificates()
        try await certificates.issue("server", alternatives: "IP:127.0.0.1")
        for name in ["server.key"] { #expect(chmod(certificates.path(name), 0o600) == 0) }
        return (
            certificates,
            AccessConfiguration(
                certificate: certificates.path("server.pem"), key: certificates.path("server.key"),
                clientAuthorities: certificates.path("ca.pem"))
        )
    }

    @Test(
        "Field 19: the log warns at the start and daily of certificates that expire within 14 days"
    )
    func warnings() async throws {
        let (certificates, configuration) = try await files()
        defer { withExtendedLifetime(certificates) {} }
        let (time, log) = (TestTime(), LinesLog())
        let now = Int64(Date().timeIntervalSince1970)
        let control = try AccessControl(
            configuration, clock: Self.clock(time) { now }, logger: Logger(label: "t") { _ in log })
        control.warnOfExpiry()
        #expect(log.lines.count == 2, "\(log.lines)")
        #expect(log.lines[0].contains("the server's certificate expires on"))
        #expect(log.lines[1].contains("the client CA expires on"))
        _ = control.secured
        #expect(log.lines.count == 2)
        time.advance(.seconds(86_401))
        _ = control.secured
        #expect(log.lines.count == 4)

        let early = try AccessControl(
            configuration, clock: Self.clock(time) { now - 13 * Self.day }, logger: Logger(label: "t") { _ in log })
        early.warnOfExpiry()
        #expect(log.lines.count == 4, "\(log.lines)")
        let late = try AccessControl(
            configuration, clock: Self.clock(time) { now + 3 * Self.day }, logger: Logger(label: "t") { _ in log })
        late.warnOfExpiry()
        #expect(log.lines.last?.contains("the client CA expired on") == true, "\(log.lines)")
    }

    @Test("Field 19: an expired certificate replaces an expired one only")
    func expiredRotation() async throws {
        let (certificates, configuration) = try await files()
        let (time, log) = (TestTime(), LinesLog())
        let offset = Moment()
        let now = Int64(Date().timeIntervalSince1970)
        let control = try AccessControl(
            configuration, clock: Self.clock(time) { now + offset.seconds }, logger: Logger(label: "t") { _ in log })
        let former = try #require(control.expiries.first).seconds
        // Expired since its creation.
        try await certificates.openssl("req -new -key server.key -subj /CN=server -out again.csr")
        try await certificates.openssl(
            "x509 -req -days -1 -in again.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile server.ext -out again.pem"
        )
        #expect(rename(certificates.path("again.pem"), certificates.path("server.pem")) == 0)
        time.advance(.seconds(2))
        #expect(control.expiries.first?.seconds == former)
        #expect(
            log.lines.contains { $0.contains("expired on") && $0.contains("provide a valid one") }, "\(log.lines)")
        #expect(control.expiries.first?.seconds == former)

        offset.seconds = 3 * Self.day
        try await certificates.issue("server", alternatives: "IP:127.0.0.1")
        #expect(chmod(certificates.path("server.key"), 0o600) == 0)
        time.advance(.seconds(2))
        #expect((control.expiries.first?.seconds ?? 0) >= former)
        #expect(log.lines.contains { $0.contains("Reloaded") }, "\(log.lines)")
    }

    private final class Moment: Sendable {
        private let value = Mutex<Int64>(0)
        var seconds: Int64 {
            get { value.withLock { $0 } }
            set { value.withLock { $0 = newValue } }
        }
    }

    @Test("Field 19: check warns of certificates that expire soon, and fails for expired ones")
    func check() async throws {
        let (certificates, access) = try await files()
        defer { withExtendedLifetime(certificates) {} }
        let folder = try TemporaryFolder()
        var configuration = try AgentConfiguration.load(
            flags: ["--service", "a=file:/x", "--config", try folder.write("", to: "empty")], environment: [:])
        configuration.access = access
        let now = Int64(Date().timeIntervalSince1970)
        func checks(_ days: Int64) -> AccessChecks {
            AccessChecks(
                configuration, files: [("access.tls.certificate", access.certificate ?? "")],
                clock: Self.clock(TestTime()) { now + days * Self.day })
        }
        #expect(checks(-30).warnings.isEmpty && checks(-30).problems.isEmpty)
        #expect(checks(0).warnings.first?.contains("the server's certificate expires on") == true)
        #expect(checks(0).problems.isEmpty)
        #expect(checks(3).problems.first?.contains("the server's certificate expired on") == true)
        let result = CheckResult(configuration: configuration, access: checks(0))
        #expect(result.status == .success && result.text.contains("\nwarning     the server's certificate expires on"))
        #expect(CheckResult(configuration: configuration, access: checks(3)).status == .usage)
    }

    @Test("Field 19: a reload renews the credentials as a whole")
    func renewedCredentials() throws {
        let folder = try TemporaryFolder()
        for name in ["start", "run"] {
            try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
        }
        let folders = CredentialFolders(environment: [
            "CREDENTIALS_DIRECTORY": folder.file("start"), "RUNTIME_DIRECTORY": folder.file("run"),
        ])
        try folder.secret("first-token-first", to: "start/access_token")
        let (time, log) = (TestTime(), LinesLog())
        let configuration = AccessConfiguration.credentials(folders)
        #expect(configuration.tokenFile == folder.file("start/access_token"))
        let file = AccessFile(.token, folder.file("start/access_token"), credentials: folders)
        let value = try FileBacked([file], clock: time.clock, logger: Logger(label: "t") { _ in log }) {
            String(decoding: $0[0], as: UTF8.self)
        }
        #expect(value.current == "first-token-first")

        try FileManager.default.createDirectory(atPath: folder.file("run/access.1"), withIntermediateDirectories: true)
        try folder.secret("second-token-second", to: "run/access.1/access_token")
        #expect(symlink("access.1", folder.file("run/access")) == 0)
        time.advance(.seconds(2))
        #expect(value.current == "second-token-second")
        // A removed token needs a restart, as the reload reports.
        #expect(unlink(folder.file("run/access.1/access_token")) == 0)
        #expect(AccessConfiguration.credentials(folders).tokenFile == nil)
        time.advance(.seconds(2))
        #expect(value.current == "second-token-second")
        #expect(log.lines.last?.contains("cannot be read") == true, "\(log.lines)")
    }

    @Test("Refusals are logged once a minute per address and reason, within a limit")
    func refusals() {
        let (time, log) = (TestTime(), LinesLog())
        let refusals = RefusalLog(clock: time.clock, logger: Logger(label: "t") { _ in log })
        for _ in 1...100 { refusals.refused("10.0.0.1", "401: no token") }
        #expect(log.lines.count == 1 && log.lines[0].contains("10.0.0.1") && log.lines[0].contains("401: no token"))
        refusals.refused("10.0.0.1", "429: too many requests")
        for number in 1...1_000 { refusals.refused("10.0.1.\(number)", "401: no token") }
        #expect(log.lines.count == RefusalLog.linesPerMinute)
        time.advance(.seconds(61))
        refusals.refused("10.0.0.1", "401: no token")
        #expect(log.lines.count == RefusalLog.linesPerMinute + 2)
        #expect(log.lines[RefusalLog.linesPerMinute].contains("\(99 + 982)"), "\(log.lines)")
    }

    @Test("A refused request is logged with the peer and the reason, without its content")
    func refusedRequests() async throws {
        let folder = try TemporaryFolder()
        let access = try AccessControl(
            AccessConfiguration(tokenFile: try folder.secret("correct-horse-battery", to: "token")),
            logger: Logger(label: "t", factory: { _ in SwiftLogNoOpLogHandler() }))
        let log = LinesLog()
        try await withServer(access: access, log: log) { server in
            for header in ["", "Authorization: Bearer staple-staple-staple\r\n"] {
                let answer = try await server.get("/buildinfo?token=secret", headers: header)
                #expect(answer.statuses == ["401"])
            }
        }
        let lines = log.lines.filter { $0.contains("Request refused") }
        #expect(lines.count == 2, "\(log.lines)")
        #expect(lines.contains { $0.contains("401: no token") && $0.contains("127.0.0.1") })
        #expect(lines.contains { $0.contains("401: wrong token") })
        #expect(!log.lines.contains { $0.contains("staple") || $0.contains("secret") })
    }
}
