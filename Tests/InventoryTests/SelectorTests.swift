import Testing

@testable import CollectorFixtures
@testable import Inventory
@testable import Reports
@testable import Verdict

@Suite("A selection of hosts by label")
struct SelectorTests {
    private static let fleet = Fleet.hosts([
        ["region": "eu", "group": "canary"], ["region": "eu", "group": "stable"], ["region": "us", "group": "stable"],
        ["region": "ap"], [:],
    ])

    @Test(
        "Values of one key are alternatives, and every key must match",
        arguments: [
            ([], [0, 1, 2, 3, 4]), (["region=eu"], [0, 1]), (["region=eu", "region=us"], [0, 1, 2]),
            (["region=eu", "group=stable"], [1]), (["region=eu", "region=us", "group=stable"], [1, 2]),
            (["region=eu", "region=eu"], [0, 1]), (["group!=stable"], [0, 3, 4]),
            (["group!=stable", "group!=canary"], [3, 4]), (["region=eu", "group!=stable"], [0]),
            (["region=eu", "region!=eu"], []), (["region=EU"], []), (["region="], []),
        ] as [([String], [Int])])
    func selects(typed: [String], expected: [Int]) {
        let terms = typed.compactMap(HostSelector.Term.init(parsing:))
        #expect(terms.count == typed.count)
        for terms in [terms, terms.reversed()] {
            let selector = HostSelector(terms)
            #expect(Self.fleet.indices.filter { selector.selects(Self.fleet[$0]) } == expected)
        }
    }

    @Test(
        "A term is KEY=VALUE or KEY!=VALUE",
        arguments: [
            ("region=eu", "region=eu"), ("region!=eu", "region!=eu"), ("a=b=c", "a=b=c"), ("a=", "a="), ("a!=", "a!="),
            ("a=!b", "a=!b"), ("region", nil), ("=eu", nil), ("!=eu", nil), ("region==eu", nil), ("region!==eu", nil),
            ("a!!=b", nil), ("", nil), ("a=b\u{1B}", nil), (" a=b", nil), ("a=b ", nil),
        ] as [(String, String?)])
    func parsing(text: String, expected: String?) {
        #expect(HostSelector.Term(parsing: text)?.description == expected)
    }

    @Test("The same terms in another order are the same selection")
    func canonical() {
        let one = HostSelector(typed: "b=1", "a!=2", "a=3", "b=1")
        #expect(one.terms.map(\.description) == ["a!=2", "a=3", "b=1"])
        #expect(one == HostSelector(typed: "a=3", "b=1", "a!=2"))
    }

    private static let text = """
        hosts:
          - {name: a, labels: {region: eu}}
          - {name: b, labels: {region: us}}
          - c
        """

    private func load(_ typed: String...) throws -> Inventory {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = try folder.write(Self.text, to: "fleet.yaml")
        return try InventoryFixtures.load(
            sources: [.file(path: path)], selector: HostSelector(typed.compactMap(HostSelector.Term.init(parsing:))),
            now: InventoryFixtures.now)
    }

    @Test("An inventory has the selected hosts, the number of listed ones, and the hash of the selected ones")
    func inventory() throws {
        let whole = try load()
        #expect(whole.hosts == whole.listed)
        #expect(whole.selected == nil)
        #expect(whole.listedWhereSelected == nil)
        let part = try load("region=eu", "region=us")
        #expect(part.hosts.map(\.name) == ["a", "b"])
        #expect(part.listed.map(\.name) == ["a", "b", "c"])
        #expect(part.selected == ["region=eu", "region=us"])
        #expect(part.listedWhereSelected == 3)
        #expect(part.hash != whole.hash)
        #expect(try part.hash == load("region!=x", "region=us", "region=eu").hash)
    }

    @Test("An exclusion that matches no host causes a warning")
    func idleExclusion() throws {
        #expect(try load("region!=eu").warnings.isEmpty)
        #expect(
            try load("region!=euu").warnings == ["--select region!=euu excludes no host: region is eu (1), us (1)"])
    }

    @Test("The report of a selection names it, with the number of excluded hosts")
    func report() throws {
        var bench = Bench(2, policy: .short)
        bench.poll(1...11, Answer())
        var context = try #require(try? context())
        let conclusion = try #require(bench.verification.conclusion)
        func report() -> Report { ReportBuilder(verification: bench.verification, context: context).build(conclusion) }
        #expect(report().inventory == .init(source: "fleet.yaml", hash: "sha256:0", expected: 2))
        func leftOut() -> [String] { report().warnings.filter { $0.hasPrefix("only hosts") } }
        #expect(leftOut().isEmpty)
        (context.selected, context.listed) = (["region=eu", "region=us"], 20)
        #expect(
            report().inventory
                == .init(
                    source: "fleet.yaml", hash: "sha256:0", expected: 2, listed: 20,
                    selected: ["region=eu", "region=us"]))
        #expect(
            leftOut() == ["only hosts with region=eu, region=us were asked: 18 of 20 hosts left out"])
    }

    private func context() throws -> ReportBuilder.Context {
        ReportBuilder.Context(
            id: "x", startedAt: InventoryFixtures.now, finishedAt: InventoryFixtures.now,
            inventorySource: "fleet.yaml", inventoryHash: "sha256:0")
    }

    @Test("The label index lists the most frequent values first, up to a limit")
    func census() {
        let many = LabelIndex(Fleet.hosts((0..<9).map { ["n": "\($0)"] } + [["n": "8"]]))
        #expect(
            many.alternatives(to: HostGroup(key: "n", value: "x"))
                == "n is 8 (2), 0 (1), 1 (1), 2 (1), 3 (1) and 4 more")
        let keys = LabelIndex(Fleet.hosts([["b": "1", "a": "2"]]))
        #expect(keys.alternatives(to: HostGroup(key: "x", value: "x")) == "the labels are a, b")
    }
}
