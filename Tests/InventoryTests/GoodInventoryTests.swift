import Foundation
import Support
import Testing

@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Inventory
@testable import Verdict

@Suite("Valid inventories")
struct GoodInventoryTests {
    private static let contract = [
        ExpectedHost(
            name: "canvas-01", url: "https://canvas-01.internal:9480/buildinfo",
            id: "6f0c0000000000000000000000000001", labels: ["group": "canary", "region": "no"]),
        ExpectedHost(name: "canvas-02", url: "http://canvas-02:9480/buildinfo/canvas"),
        ExpectedHost(
            name: "canvas-03", url: "http://canvas-03:9480/buildinfo/canvas",
            waiver: Waiver(until: "2026-12-01T00:00:00Z", reason: "disk swap", by: "ops", isExpired: false)),
    ]
    private static let discovered = [
        ExpectedHost(
            name: "canvas-01:9480", url: "https://canvas-01:9480/buildinfo/canvas", labels: ["region": "eu"]),
        ExpectedHost(name: "canvas-02", url: "https://canvas-02:9480/buildinfo/canvas", labels: ["region": "eu"]),
        ExpectedHost(name: "[2001:db8::1]:9481", url: "http://[2001:db8::1]:9481/buildinfo/canvas"),
    ]
    private static let lines = [
        ExpectedHost(name: "canvas-01", url: "http://canvas-01:9480/buildinfo/canvas"),
        ExpectedHost(name: "canvas-02:9481", url: "http://canvas-02:9481/buildinfo/canvas"),
        ExpectedHost(name: "10.0.0.7:8080", url: "http://10.0.0.7:8080/buildinfo"),
        ExpectedHost(name: "2001:db8::1", url: "http://[2001:db8::1]:9480/buildinfo/canvas"),
        ExpectedHost(name: "[2001:db8::1]:9481", url: "http://[2001:db8::1]:9481/buildinfo/canvas"),
        ExpectedHost(name: "proxy.example/hosts/7?x=1", url: "https://proxy.example/hosts/7?x=1"),
    ]

    @Test(
        "A file's format is recognised by its content, and its hosts are read",
        arguments: [
            ("fleet.yaml", contract), ("fleet.json", contract), ("file_sd.yml", discovered),
            ("file_sd.json", discovered), ("lines.txt", lines), ("empty.txt", []), ("comments.txt", []),
            ("empty-list.yaml", []), ("empty-list.json", []), ("no-hosts-yet.yaml", []),
            ("names.json", ["canvas-01", "canvas-02"].map(plain)), ("byte-order-mark.yaml", [plain("canvas-01")]),
            (
                "surrogates.json",
                [
                    ExpectedHost(
                        name: "canvas-01", url: "http://canvas-01:9480/buildinfo/canvas",
                        labels: ["mood": "😀", "path": "C:\\ud83d"])
                ]
            ),
        ])
    func lists(file: String, expected: [ExpectedHost]) throws {
        #expect(try InventoryFixtures.load(file, "good").hosts == expected)
    }

    private static func plain(_ name: String) -> ExpectedHost {
        ExpectedHost(name: name, url: "http://\(name):9480/buildinfo/canvas")
    }

    @Test("YAML and JSON of a fleet have the same hash, in any order")
    func hash() throws {
        let yaml = try InventoryFixtures.load("fleet.yaml", "good").hash
        #expect(try InventoryFixtures.load("fleet.json", "good").hash == yaml)
        #expect(yaml.wholeMatch(of: /sha256:[0-9a-f]{64}/) != nil)
        let (ab, ba) = (
            try InventoryFixtures.load(texts: ["a\nb\n"]).hash, try InventoryFixtures.load(texts: ["b\na\n"]).hash
        )
        #expect(ab == ba)
        #expect(ab != yaml)
    }

    @Test(
        "Any field of any host changes the hash",
        arguments: [
            "hosts: [{name: a, id: x}]", "hosts: [{name: a, labels: {x: y}}]", "port: 1\nhosts: [{name: a}]",
            "hosts: [{name: a, waive: {until: 2026-12-01T00:00:00Z, reason: r}}]", "service: s\nhosts: [a]",
            "hosts: [a, b]", "hosts: [{name: a, labels: {xy: ''}}]", "hosts: [{name: a, labels: {x: y, z: ''}}]",
        ])
    func everyField(text: String) throws {
        #expect(try InventoryFixtures.load(texts: [text]).hash != InventoryFixtures.load(texts: ["hosts: [a]"]).hash)
    }

    @Test("A waiver expires by the given clock, and the hash stays the same")
    func waiver() throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let text = "hosts: [{name: a, waive: {until: 2026-12-01T01:00:00.5+01:00, reason: r}}]"
        let source = InventorySource.file(path: try folder.write(text, to: "a.yaml"))
        let end = try #require(Date(rfc3339: "2026-12-01T00:00:00.5Z"))
        let before = try InventoryFixtures.load(sources: [source], now: end.addingTimeInterval(-0.25))
        let after = try InventoryFixtures.load(sources: [source], now: end)
        #expect(before.hosts[0].isWaived)
        #expect(!after.hosts[0].isWaived)
        #expect(after.hosts[0].waiver?.isExpired == true)
        #expect(before.hash == after.hash)
    }

    @Test("The service comes from the flag, else from a file, else it is canvas")
    func service() throws {
        #expect(try InventoryFixtures.load(texts: ["a\n"]).service == "canvas")
        let named = try InventoryFixtures.load(texts: ["service: web\nhosts: [a]"])
        #expect(named.service == "web")
        #expect(named.hosts[0].url == "http://a:9480/buildinfo/web")
        #expect(named.warnings.isEmpty)
        let flagged = try InventoryFixtures.load(texts: ["service: web\nhosts: [a]"], service: "api")
        #expect(flagged.service == "api")
        #expect(flagged.hosts[0].url == "http://a:9480/buildinfo/api")
        #expect(flagged.warnings.count == 1)
    }

    @Test("Several sources and flags are merged, and equal hosts are listed once")
    func united() throws {
        let inventory = try InventoryFixtures.load(texts: ["a\nb\n", "hosts: [b, c]"], hosts: ["c", "http://d/x"])
        #expect(inventory.hosts.map(\.name) == ["a", "b", "c", "d/x"])
        #expect(inventory.source.hasSuffix("1.txt, 2 --host"))
    }

    @Test("Standard input is read like a file")
    func standardInput() throws {
        let pipe = Pipe()
        pipe.fileHandleForWriting.write(Data("a\nb\n".utf8))
        try pipe.fileHandleForWriting.close()
        let inventory = try Inventory.load(
            sources: [.init(argument: "-")], service: "canvas", now: InventoryFixtures.now,
            standardInput: pipe.fileHandleForReading.fileDescriptor)
        #expect(inventory.hosts.map(\.name) == ["a", "b"])
        #expect(inventory.source == "standard input")
    }

    @Test("Hosts that share a url cause a warning")
    func sharedURL() throws {
        let text = "hosts: [{name: a, url: http://x/}, {name: b, url: http://x/}]"
        let warnings = try InventoryFixtures.load(texts: [text]).warnings
        #expect(
            warnings == ["2 hosts share one url (a, b): one answer counts for all of them"])
    }

    @Test("Every listed host is present exactly once, in order", arguments: 1...20)
    func property(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let names = (0..<Int.random(in: 0...200, using: &random)).map { number in
            let name = ["h\(number)", "h\(number).example", "10.0.\(number / 250).\(number % 250)", "h\(number):80"]
            return name.randomElement(using: &random) ?? "x"
        }.shuffled(using: &random)
        let asYAML =
            "hosts:\n" + names.map { Bool.random(using: &random) ? "- '\($0)'\n" : "- name: '\($0)'\n" }.joined()
        let asJSON = "{\"hosts\": [\(names.map { "\"\($0)\"" }.joined(separator: ","))]}"
        let asFileSD = "[{\"targets\": [\(names.map { "\"\($0)\"" }.joined(separator: ","))]}]"
        let asLines = names.map { "\($0)\n" }.joined(separator: "# and\n\n")
        for text in [names.isEmpty ? "hosts: []" : asYAML, asJSON, asFileSD, asLines] {
            #expect(try InventoryFixtures.load(texts: [text]).hosts.map(\.name) == names)
        }
    }

    @Test("The examples in the documentation are valid")
    func examples() throws {
        let root = try SourceTree.path("examples")
        let names = ["fleet.yaml", "fleet.json", "fleet.file_sd.json", "fleet.file_sd.yml", "fleet.txt", "fleet.ini"]
        for file in names {
            let inventory = try InventoryFixtures.load(
                sources: [.file(path: "\(root)/\(file)")], now: InventoryFixtures.now)
            #expect(inventory.hosts.count == 3, "\(file)")
        }
    }
}

/// A small random generator with a seed (Steele, Lea and Flood, "Fast splittable pseudorandom number generators").
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
