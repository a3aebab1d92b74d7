import Foundation
import Shared
import Support
import Testing

@testable import Drill
@testable import Verdict

struct DrillCatalogueTests {
    @Test("Every verdict has a case that expects it")
    func everyVerdict() {
        #expect(Set(DrillCase.all.map(\.expectation.verdict)) == Set(Verdict.allCases))
        #expect(Set(DrillCase.all.map(\.name)).count == DrillCase.all.count)
    }

    @Test(
        "The documents of simulated agents match the schema",
        arguments: [
            "fine", "crash-loop", "unhealthy", "blind-agent", "no-commit", "no-nonce", "other-served", "not-served",
            "restarted-once", "recreate-loop", "restarted-outside", "too-few", "emulated", "cloned", "contradiction",
        ])
    func documents(_ name: String) async throws {
        let host = try #require(DrillCase.all.first { $0.name == name }?.hosts.last)
        let reply = host.reply?(DrillRequest(host: host.name, nonce: "n-1", number: 5))
        guard case .document(let document)? = reply else {
            Issue.record("\(name) has no agent")
            return
        }
        let json = String(decoding: try JSONEncoder().encode(document), as: UTF8.self)
        #expect(try await SchemaValidator.defects(json, against: .document).isEmpty, "\(json)")
    }

    @Test("Simulated builds are complete and differ as intended")
    func builds() {
        #expect(DrillBuild.promoted.gitSHA != nil)
        #expect(DrillBuild.promoted.digest != nil)
        #expect(DrillBuild.rebuilt.gitSHA == DrillBuild.promoted.gitSHA)
        #expect(DrillBuild.rebuilt.digest != DrillBuild.promoted.digest)
        #expect(DrillBuild.mislabelled.digest == DrillBuild.promoted.digest)
        #expect(DrillBuild.mislabelled.gitSHA != DrillBuild.promoted.gitSHA)
        #expect(DrillBuild.unlabelled.gitSHA == nil)
        let builds = [DrillBuild.promoted, .older, .newer]
        #expect(Set(builds.map(\.gitSHA)).count == 3)
        #expect(Set(builds.map(\.digest)).count == 3)
    }

    @Test(
        "The nonce is found in the target of a request",
        arguments: [
            ("/buildinfo?nonce=a-1", "a-1"), ("/buildinfo?x=1&nonce=b", "b"), ("/buildinfo", nil),
            ("/buildinfo?nonces=c", nil), ("/buildinfo?nonce=", ""),
        ] as [(String, String?)])
    func nonce(_ target: String, _ nonce: String?) {
        #expect(DrillConnection.nonce(in: target) == nonce)
    }
}
