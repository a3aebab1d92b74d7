import Foundation
import Testing

@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Inventory
@testable import Reports
@testable import Verdict

@Suite("Listed waivers")
struct ListedWaiverTests {
    private func waived(_ inventory: Inventory) -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: inventory.hosts.filter(\.isWaived).map { ($0.name, $0.waiver?.reason ?? "") })
    }

    @Test("Row 4: hosts are waived by name, and by all of a waiver's labels")
    func byNameAndLabel() throws {
        let inventory = try InventoryFixtures.load("waivers.yaml", "good")
        #expect(waived(inventory) == ["canvas-01": "being rebuilt", "canvas-04": "disk swap"])
        #expect(inventory.hosts.last?.waiver?.by == "ops")
        #expect(inventory.warnings.isEmpty)
    }

    @Test("A file with only waivers applies to hosts of other sources")
    func acrossSources() throws {
        let discovered = #"[{"targets": ["a", "b"], "labels": {"group": "lab"}}, {"targets": ["c"]}]"#
        let waivers = """
            waivers:
              - {labels: {group: lab}, until: 2026-12-01T00:00:00Z, reason: lab}
              - {hosts: [d], until: 2026-12-01T00:00:00Z, reason: flag}
            """
        for texts in [[discovered, waivers], [waivers, discovered]] {
            let inventory = try InventoryFixtures.load(texts: texts, hosts: ["d"])
            #expect(waived(inventory) == ["a": "lab", "b": "lab", "d": "flag"])
        }
        #expect(try InventoryFixtures.load(texts: [waivers]).hosts.isEmpty)
    }

    @Test("Listed waivers are part of the hash")
    func hash() throws {
        let plain = try InventoryFixtures.load(texts: ["hosts: [a, b]"]).hash
        let text = "hosts: [a, b]\nwaivers: [{hosts: [a], until: 2026-12-01T00:00:00Z, reason: r}]"
        #expect(try InventoryFixtures.load(texts: [text]).hash != plain)
        let own = "hosts: [{name: a, waive: {until: 2026-12-01T00:00:00Z, reason: r}}, b]"
        #expect(
            try InventoryFixtures.load(texts: [text]).hash == InventoryFixtures.load(texts: [own]).hash,
            "the hash covers the waivers, not their place")
    }

    private func inventory(own: String?, listed: [String]) throws -> Inventory {
        func waiver(_ end: String) -> String { "until: \(end)-01T00:00:00Z, reason: '\(end)'" }
        let host = own.map { "{name: a, waive: {\(waiver($0))}}" } ?? "a"
        let waivers = listed.map { "{hosts: [a], \(waiver($0))}" }.joined(separator: ", ")
        return try InventoryFixtures.load(texts: ["hosts: [\(host)]\nwaivers: [\(waivers)]"])
    }

    @Test(
        "A host's own waiver takes precedence, then listed ones in order; expired ones give way to valid ones",
        arguments: [
            (nil, ["2026-12"], "2026-12", true), ("2027-01", ["2026-12", "2028-01"], "2027-01", true),
            (nil, ["2026-12", "2028-01"], "2026-12", true), ("2026-11", ["2026-12"], "2026-12", true),
            ("2026-12", ["2026-11"], "2026-12", true), (nil, ["2026-10", "2026-12"], "2026-12", true),
            ("2026-10", ["2026-11"], "2026-10", false), (nil, ["2026-11"], "2026-11", false),
        ] as [(String?, [String], String, Bool)])
    func order(own: String?, listed: [String], reason: String, isWaived: Bool) throws {
        let inventory = try inventory(own: own, listed: listed)
        #expect(inventory.hosts.map(\.waiver?.reason) == [reason])
        #expect(inventory.hosts.map(\.isWaived) == [isWaived])
    }

    @Test("A waiver that covers no host, or names an unknown one, causes a warning with its line")
    func idle() throws {
        let text = """
            hosts: [{name: a, labels: {group: lab}}, b]
            waivers:
              - {labels: {group: lab, region: eu}, until: 2026-12-01T00:00:00Z, reason: r}
              - {hosts: [b, c], until: 2026-12-01T00:00:00Z, reason: r}
            """
        let inventory = try InventoryFixtures.load(texts: [text])
        #expect(waived(inventory) == ["b": "r"])
        #expect(inventory.warnings.count == 2)
        #expect(
            inventory.warnings.first?.hasSuffix("0.txt:3: the waiver for group=lab, region=eu covers no host") == true)
        #expect(
            inventory.warnings.last?.hasSuffix("0.txt:4: the waiver names c, which the inventory does not list") == true
        )
    }

    @Test("Waiving a host outside the selection causes no warning")
    func leftOut() throws {
        let path = "\(try InventoryFixtures.folder("good"))/waivers.yaml"
        let inventory = try InventoryFixtures.load(
            sources: [.file(path: path)], selector: HostSelector(typed: "region=us"), now: InventoryFixtures.now)
        #expect(inventory.hosts.map(\.name) == ["canvas-02"])
        #expect(inventory.warnings.isEmpty)
    }

    @Test(
        "Expiry is decided when the inventory is read, and the report names the hosts that count again")
    func expiry() throws {
        let path = "\(try InventoryFixtures.folder("good"))/waivers.yaml"
        let end = try #require(Date(rfc3339: "2026-12-24T00:00:00Z"))
        let before = try InventoryFixtures.load(sources: [.file(path: path)], now: end.addingTimeInterval(-1))
        #expect(Set(waived(before).keys) == ["canvas-01"], "canvas-04's ended already")
        let after = try InventoryFixtures.load(sources: [.file(path: path)], now: end)
        #expect(waived(after).isEmpty)
        var bench = Bench(0, policy: .short) { $0 = after.hosts }
        bench.poll(1...11, Answer())
        #expect(
            try SampleFleet.report(bench).warnings.contains(
                "waivers that expire before the deadline do not apply: canvas-01, canvas-04"))
    }
}
