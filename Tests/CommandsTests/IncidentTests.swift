import ArgumentParser
import Foundation
import Support
import Testing

@testable import Collector
@testable import CollectorFixtures
@testable import Verdict

/// Every row of the table of incidents has a test.
@Suite("Incidents")
struct IncidentTests {
    private static func keys() throws -> [String] {
        let text = try String(contentsOfFile: try SourceTree.path("docs/incidents.md"), encoding: .utf8)
        return text.split(separator: "\n").compactMap { line in
            line.firstMatch(of: #/^\| ((?:Row|Field) \d+) \|/#).map { String($0.1) }
        }
    }

    /// The row keys with which test names begin.
    private static func tested() throws -> Set<String> {
        let folder = try SourceTree.path("Tests")
        let names = try #require(FileManager.default.enumerator(atPath: folder)).compactMap { $0 as? String }
        var found: Set<String> = []
        for name in names where name.hasSuffix(".swift") {
            let text = try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
            for match in text.matches(of: #/"((?:Row|Field) \d+): /#) { found.insert(String(match.1)) }
        }
        return found
    }

    @Test("Both tables number their rows from one, without gaps")
    func numbered() throws {
        #expect(try Self.keys() == (1...22).map { "Row \($0)" } + (1...30).map { "Field \($0)" })
    }

    @Test("Field 30: no flag tolerates a host that went back, and docs and help say so", arguments: [0, 1, 50])
    func rolledBack(_ tolerated: Int) throws {
        var policy = Policy.short
        (policy.maxFailed, policy.maxStragglers, policy.maxUnreachable) = (
            .hosts(tolerated), .hosts(tolerated), .percent(100)
        )
        var bench = Bench(3, policy: policy)
        bench.finish { host, moment in .answer(host == 0 && moment > 8 ? .old : Answer()) }
        #expect(bench.verdict == .rolledBack)
        #expect(bench.exitCode == 21)
        let page = try String(contentsOfFile: try SourceTree.path("docs/verify.md"), encoding: .utf8)
        #expect(page.contains("| `rolled_back` | the target, then another build again | never tolerated |"))
        #expect(
            VerifyCommand.helpMessage(columns: 10_000).contains(
                "A host that went back (rolled_back) is never tolerated"))
    }

    @Test("Every row has a test that is named after it")
    func everyRowHeld() throws {
        let tested = try Self.tested()
        let missing = try Self.keys().filter { !tested.contains($0) }
        #expect(missing.isEmpty, "missing tests for \(missing.joined(separator: ", "))")
    }
}
