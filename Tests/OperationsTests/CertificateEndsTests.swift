import Foundation
import Logging
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Inventory
@testable import Operations
@testable import Reports
@testable import Transfer
@testable import Verdict

@Suite("Expiry of certificates")
struct CertificateEndsTests {
    private static let now = Date(timeIntervalSince1970: 1_796_083_200)  // 2026-12-01T00:00:00Z

    @Test(
        "Dates are parsed as the transfer client writes them, and in no other form",
        arguments: [
            ("2026-12-01 12:00:00 GMT", "2026-12-01T12:00:00.000Z"),
            ("2031-01-31 00:00:01 GMT", "2031-01-31T00:00:01.000Z"), ("2026-12-01", nil), ("", nil),
            ("2026-02-31 12:00:00 GMT", nil), ("2026-12-01 12:00:00 CET", nil), ("Dec  1 12:00:00 2026 GMT", nil),
        ] as [(String, String?)])
    func dates(_ text: String, _ expected: String?) {
        #expect(CertificateExpiries.date(text)?.rfc3339 == expected)
    }

    @Test("One warning lists the hosts whose certificates expired or soon will, the earliest first")
    func warning() {
        let ends = CertificateExpiries()
        let names = (0..<9).map { "canvas-\($0)" }
        #expect(ends.warning(now: Self.now, names: names) == nil)
        ends.note("2027-03-01 00:00:00 GMT", of: 8)
        ends.note("nonsense", of: 7)
        #expect(ends.warning(now: Self.now, names: names) == nil)
        ends.note("2026-12-14 23:00:00 GMT", of: 1)
        ends.note("2026-11-30 00:00:00 GMT", of: 0)
        #expect(
            ends.warning(now: Self.now, names: names)
                == "2 hosts: certificate expires within 14 days: canvas-0 (2026-11-30, expired), canvas-1 (2026-12-14)")
        for host in 2..<7 { ends.note("2026-12-02 00:00:00 GMT", of: host) }
        #expect(ends.warning(now: Self.now, names: names)?.hasSuffix("canvas-5 (2026-12-02) and 2 more") == true)
    }

    @Test("A certificate is requested from HTTPS hosts until its expiry date is known")
    func wanted() {
        let ends = CertificateExpiries()
        #expect(!ends.isWanted(0, url: "http://host/"))
        #expect(ends.isWanted(0, url: "HTTPS://host/"))
        ends.note("nonsense", of: 0)
        #expect(!ends.isWanted(0, url: "https://host/"))
    }

    @Test("Field 19: the report warns of a host whose certificate expires within 14 days")
    func handshake() async throws {
        let host = try await TLSHost()
        try await host.serve()
        defer { host.stop() }
        let folder = try TestFolder()
        defer { folder.remove() }
        let fleet = try folder.write(
            "service: canvas\nhosts:\n  - {name: canvas-01, url: \"https://127.0.0.1:\(host.port)/\"}\n",
            to: "fleet.yaml")
        let inventory = try Inventory.load(sources: [.file(path: fleet)], service: "canvas", now: Date())
        let run = VerificationRun(
            target: Target(service: "canvas", gitSHA: .of("a")), inventory: inventory,
            policy: Policy(timeout: .seconds(2)), check: InventoryCheck(),
            access: HostCredentials(RequestCredentials(certificateAuthorities: host.path("ca.pem"))), destinations: [],
            progress: .none, environment: [:], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let report = try await run.run()
        let warning = try #require(
            report.warnings.first { $0.contains("certificate") }, "\(report.hosts) \(report.warnings)")
        #expect(warning.hasPrefix("1 host: certificate expires within 14 days: canvas-01 (20"))
        #expect(!warning.contains("expired"))
    }
}
