import Foundation
import Support
import Testing

@testable import CollectorFixtures
@testable import Inventory
@testable import Verdict

@Suite("Written inventories")
struct InventoryYAMLTests {
    /// The hosts that a written inventory is read back to.
    private static func read(_ yaml: String) throws -> Inventory {
        let folder = try TestFolder()
        defer { folder.remove() }
        return try Inventory.load(
            sources: [.file(path: try folder.write(yaml, to: "fleet.yaml"))], now: InventoryFixtures.now)
    }

    private static let words = [
        "canvas-01", "10.0.0.7", "10.0.0.7:9481", "2001:db8::1", "[2001:db8::1]:9481", "no", "Y", "null", "1e3", "0x10",
        "true", "on", "canvas_01.eu-west.example",
    ]

    @Test("Names that YAML could take for numbers, booleans or lists are read back as the same hosts", arguments: words)
    func names(_ name: String) throws {
        let written = try InventoryFixtures.load(texts: [""], hosts: [name], service: "canvas")
        let yaml = InventoryYAML(service: "canvas", entries: written.hosts.map { .init(host: $0) }).render()
        let inventory = try Self.read(yaml)
        #expect(inventory.hosts == written.hosts, "\(yaml)")
        #expect(inventory.hash == written.hash)
        // The usual URL follows from the name, and is not repeated.
        #expect(!yaml.contains("url:"), "\(yaml)")
    }

    private static let texts = [
        "plain", "with space", "a: b", "- a", "#x", "{a: b}", "[x]", "*alias", "&anchor", "!tag", "%x", "@x", "`x`",
        "\"quoted\"", "it's", "back\\slash", "ünïcödé", "日本", "yes", "~", "2026-12-01", "12:30:00", "=", "<<", "|", ">",
        "a,b", "?", "0o14", ".inf", "a #b", "a:",
    ]

    @Test("Any text that an inventory can hold survives in ids, labels, waivers and paths", arguments: texts)
    func values(_ text: String) throws {
        let host = ExpectedHost(
            name: "canvas-01", url: "https://canvas-01:9480/buildinfo?x=1", id: text,
            labels: [text: text, "empty": ""],
            waiver: Waiver(until: "2031-12-01T00:00:00Z", reason: text, by: text, isExpired: false))
        var access = InventoryCredentials()
        access[.tokenFile] = .init(path: "/etc/\(text)", place: SourceLocation(source: "test", line: nil))
        let yaml = InventoryYAML(
            service: "canvas", environment: try #require(EnvironmentName("production")), port: 9_000,
            heading: [text, "two\nlines"], entries: [.init(host: host, access: access, remark: "\(text)\nhosts: []")]
        ).render()
        let inventory = try Self.read(yaml)
        #expect(inventory.hosts == [host], "\(yaml)")
        #expect(inventory.access.first??[.tokenFile]?.path == "/etc/\(text)")
        #expect(inventory.environment.description == "production")
    }

    @Test("The scheme and the port of most hosts are written once, and others keep their URLs")
    func scheme() throws {
        func host(_ name: String, _ scheme: String, port: Int = 9_000) -> ExpectedHost {
            ExpectedHost(name: name, url: "\(scheme)://\(name):\(port)/buildinfo/canvas")
        }
        let hosts = [host("a", "https"), host("b", "https"), host("c", "http"), host("d", "https", port: 9_480)]
        let yaml = InventoryYAML(service: "canvas", port: 9_000, entries: hosts.map { .init(host: $0) }).render()
        #expect(yaml.ranges(of: "scheme: https").count == 1 && yaml.ranges(of: "port: 9000").count == 1, "\(yaml)")
        #expect(yaml.ranges(of: "url:").count == 2, "\(yaml)")
        #expect(try Self.read(yaml).hosts == hosts)
    }

    @Test("An inventory without hosts is read back as an empty one")
    func empty() throws {
        #expect(try Self.read(InventoryYAML(service: "canvas", entries: []).render()).hosts.isEmpty)
    }
}
