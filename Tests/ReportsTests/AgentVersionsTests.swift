import Shared
import Testing

@testable import Reports

@Suite("Versions of agents")
struct AgentVersionsTests {
    private static func warning(_ versions: [String], collector: String = "0.2.0") -> String? {
        var all = AgentVersions(collector: collector)
        for version in versions { all.note(version) }
        return all.warning
    }

    @Test("One version of the collector's minor is no news, and neither is one that is no version")
    func nothing() {
        for versions in [[], ["0.2.0", "0.2.0"], ["0.2.7"], ["0.2.0-rc.1"], ["0.2.1+a"], ["dev"], ["0"]] {
            #expect(Self.warning(versions) == nil, "\(versions)")
        }
    }

    @Test(
        "One line names the versions, and what to update",
        arguments: [
            (
                ["0.1.0", "0.2.0", "0.2.0"],
                "the agents have different versions: 0.2.0 on 2 hosts, 0.1.0 on 1 host; update those that are older than "
                    + "this collector (0.2.0)"
            ),
            (
                ["0.1.9"],
                "the agents' version differs from the collector's: 0.1.9 on 1 host; update those that are older than this "
                    + "collector (0.2.0)"
            ),
            (
                ["0.3.0"],
                "the agents' version differs from the collector's: 0.3.0 on 1 host; update this collector (0.2.0), which is "
                    + "older"
            ),
            (["0.2.0", "0.2.1"], "the agents have different versions: 0.2.0 on 1 host, 0.2.1 on 1 host"),
            (["0.2.0", "dev"], "the agents have different versions: 0.2.0 on 1 host, dev on 1 host"),
        ])
    func different(_ versions: [String], _ expected: String) { #expect(Self.warning(versions) == expected) }

    @Test(
        "A minor or major version decides, as numbers",
        arguments: [
            ("0.1.9", .older), ("0.10.0", .newer), ("0.2.99", .same), ("1.0.0", .newer), ("0.2", .unknown),
            ("0.2.x", .unknown), ("", .unknown), ("00.2.0", .same), ("0.2.0.0", .unknown), ("0.-1.0", .unknown),
            ("99999999999999999999.0.0", .unknown),
        ] as [(String, AgentVersions.Relation)])
    func relations(_ version: String, _ expected: AgentVersions.Relation) {
        #expect(AgentVersions(collector: "0.2.0").relation(of: version) == expected)
    }

    @Test("A version is foreign text: one clean line of bounded length")
    func hostile() {
        let line = Self.warning(["0.2.0", "::error::\u{1B}[31m\nx" + String(repeating: "y", count: 500)])
        #expect(line?.contains("\n") == false && line?.contains("\u{1B}") == false)
        #expect((line?.count ?? 0) < 300)
    }
}
