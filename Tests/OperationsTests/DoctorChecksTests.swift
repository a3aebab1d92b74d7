import Foundation
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Inventory
@testable import Operations
@testable import Registry
@testable import Reports
@testable import Transfer
@testable import Verdict

/// The checks of `doctor` on hosts that answer with what a real agent cannot be made to show: other clocks and versions.
@Suite("Checks of doctor")
struct DoctorChecksTests {
    /// Diagnoses hosts with these documents, which are otherwise in order.
    private static func diagnose(
        delays: [Int: Duration] = [:], _ edits: [@Sendable (inout Document) -> Void]
    ) async throws -> [String: Diagnosis.Check] {
        let script = try await ScriptedHost.start { request in
            let host = (Int(request.localAddress.split(separator: ".").last ?? "") ?? 1) - 1
            var document = Answer().document(host: host, nonce: "")
            document.nonce = request.query("nonce")
            document.observedAt = Date().rfc3339
            document.agent.version = BuildinfoVersion.current
            if edits.indices.contains(host) { edits[host](&document) }
            guard let json = try? JSONEncoder().encode(document) else { return .close }
            let answer = ScriptedHostAnswer.json(String(decoding: json, as: UTF8.self))
            return delays[host].map { .after($0, answer) } ?? answer
        }
        let hosts = edits.indices.map { ExpectedHost(name: "canvas-\($0)", url: script.url(host: $0)) }
        let examination = try await Examination.run(
            hosts, service: DeployedService("canvas"), requestTimeout: .seconds(5), concurrency: nil,
            signals: await RunSignals.caught()
        ) { _ in RequestCredentials() }
        await script.stop()
        #expect(examination.interruption == nil && examination.hosts.map(\.name) == hosts.map(\.name))
        let checks = HostChecks(hosts: examination.hosts, now: Date()).all
        return Dictionary(uniqueKeysWithValues: checks.map { ($0.name, $0) })
    }

    private static let fine: @Sendable (inout Document) -> Void = { _ in }

    @Test("Hosts in order have neither problem nor warning")
    func fine() async throws {
        let checks = try await Self.diagnose([Self.fine, Self.fine])
        for check in checks.values { #expect(check.level <= .note, "\(check)") }
        #expect(checks["clocks"]?.summary == "within 2 s of this machine on 2 hosts")
    }

    @Test("Older and newer agents are warnings with the program to update")
    func versions() async throws {
        let checks = try await Self.diagnose([
            Self.fine, { $0.agent.version = "0.0.3" }, { $0.agent.version = "99.0.0" },
        ])
        let agents = try #require(checks["agents"])
        #expect(agents.level == .warning)
        #expect(agents.findings.map(\.hosts) == [["canvas-1"], ["canvas-2"]])
        #expect(agents.findings.map(\.remedy) == ["update buildinfo-agent there", "update the collector first"])
    }

    @Test("A clock is off by what neither latency nor the age of the observation explains")
    func clocks() async throws {
        let checks = try await Self.diagnose(
            delays: [1: .milliseconds(1_500)],
            [
                Self.fine, Self.fine,
                {
                    $0.ageSeconds = 30
                    $0.observedAt = Date().addingTimeInterval(-30).rfc3339
                },
                { $0.observedAt = Date().addingTimeInterval(90).rfc3339 },
                { $0.observedAt = Date().addingTimeInterval(-3_600).rfc3339 }, { $0.observedAt = "yesterday" },
            ])
        let clocks = try #require(checks["clocks"])
        #expect(clocks.level == .warning && clocks.summary == "differ from this machine's on 2 of 5 hosts", "\(clocks)")
        let shown = clocks.findings.flatMap(\.hosts)
        #expect(shown.count == 2 && shown[0].hasPrefix("canvas-4 (") && shown[0].hasSuffix(" behind)"), "\(shown)")
        #expect(shown[1].hasPrefix("canvas-3 (1m ") && shown[1].hasSuffix(" ahead)"), "\(shown)")
        let speed = try #require(checks["answer times"])
        #expect(speed.level == .warning && speed.findings.flatMap(\.hosts).first?.hasPrefix("canvas-1 (1.") == true)
    }

    @Test("If all clocks differ alike, this machine's own is blamed")
    func ownClock() async throws {
        let ahead: @Sendable (inout Document) -> Void = { $0.observedAt = Date().addingTimeInterval(600).rfc3339 }
        let checks = try await Self.diagnose([ahead, ahead, ahead])
        #expect(checks["clocks"]?.findings.first?.text.contains("this machine's clock is probably wrong") == true)
    }

    @Test("Images without label, digest or health check are warnings, and without label and digest a problem")
    func images() async throws {
        func edit(_ change: @escaping @Sendable (inout Instance) -> Void) -> @Sendable (inout Document) -> Void {
            { document in
                for index in document.instances.indices { change(&document.instances[index]) }
                document.gitSHA = document.instances[0].gitSHA
                if document.instances[0].image.origin == .none { document.digest = .absent }
            }
        }
        let checks = try await Self.diagnose([
            edit { $0.gitSHA = .absent }, edit { ($0.image.digests, $0.image.origin) = ([], .none) },
            edit { ($0.gitSHA, $0.image.digests, $0.image.origin) = (.absent, [], .none) },
            edit { $0.health = Instance.Health.none }, Self.fine,
        ])
        let revisions = try #require(checks["revision labels"])
        #expect(revisions.level == .problem && Set(revisions.findings.map(\.hosts)) == [["canvas-2"], ["canvas-0"]])
        let digests = try #require(checks["digests"])
        #expect(digests.summary == "no digest is known on 2 hosts", "\(digests)")
        #expect(checks["health checks"]?.findings.flatMap(\.hosts) == ["canvas-3"])
        #expect(checks["builds"]?.level == .note)
    }

    @Test("A service that does not answer its agent, or with too few instances, is a problem; one that starts is not")
    func service() async throws {
        let checks = try await Self.diagnose([
            { $0.served = ProbeResult(url: "http://127.0.0.1/", outcome: .refused) }, { $0.instancesExpected = 2 },
            {
                $0.state = .starting
                $0.instances[0].health = .starting
            },
        ])
        let service = try #require(checks["service"])
        let problems = service.findings.filter { $0.level == .problem }.flatMap(\.hosts)
        #expect(Set(problems) == ["canvas-0", "canvas-1"], "\(service)")
        #expect(service.findings.filter { $0.level == .warning }.flatMap(\.hosts) == ["canvas-2"])
    }

    @Test("Text and JSON have the worst check first, and one exit code")
    func order() throws {
        let checks: [Diagnosis.Check] = [
            .init("a", "fine"),
            .init("b", "so", [.init(.note, "x"), .init(.problem, "y", hosts: (0..<9).map { "h\($0)" })]),
            .init("c", "not known", standing: .note),
            .init("d", "soon", [.init(.warning, "z\u{1B}[2J\n::error::", remedy: "do it")]),
        ]
        let diagnosis = Diagnosis(service: "canvas", inventory: "fleet.yaml", hosts: 9, checks: checks)
        #expect(diagnosis.checks.map(\.name) == ["b", "d", "c", "a"] && diagnosis.exitCode == 10)
        #expect(diagnosis.checks[0].findings.map(\.level) == [.problem, .note])
        let text = diagnosis.text(.file)
        #expect(text.contains("h0, h1, h2, h3, h4 and 4 more") && text.contains(": do it"))
        #expect(!text.contains("\u{1B}") && !text.contains("\n::error::"), "\(text)")
        #expect(text.hasSuffix("1 problem in the way of a proof, 1 warning (exit 10).\n"), "\(text)")
        let narrow = diagnosis.text(TextLayout(columns: 40, isASCII: true))
        #expect(
            narrow.split(separator: "\n").allSatisfy { $0.count <= 40 && $0.utf8.allSatisfy { $0 < 0x80 } }, "\(narrow)"
        )
        #expect(Diagnosis(service: "c", inventory: "", hosts: 1, checks: [.init("a", "fine")]).exitCode == 0)
    }

    @Test("Every text of a host is cleaned before it reaches a terminal or a log")
    func hostile() async throws {
        let checks = try await Self.diagnose([
            {
                $0.agent.version = "0.0.1\u{1B}[2J\n::error::x"
                $0.reason = "\u{202E}gone\n::error::y"
                $0.state = .exited
                $0.instances[0].state = .exited
                $0.instances[0].name = "\u{1B}]0;x\u{07}"
            }
        ])
        let text = Diagnosis(service: "canvas", inventory: "x", hosts: 1, checks: Array(checks.values)).text(.file)
        #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || $0.value == 0x202E }, "\(text)")
        #expect(!text.split(separator: "\n").contains { $0.hasPrefix("::") })
    }
}
