import Foundation
import Glibc
import Testing

@testable import Collector
@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Inventory

@Suite("Inventories that are refused")
struct BadInventoryTests {
    private static let notText = "an inventory is UTF-8 text (YAML, JSON, or one host a line)"
    private static let noAnchors = "there is a YAML anchor (&): write every host out, without anchors and aliases"
    private static let password =
        "an address contains a user or password (not shown here): remove it, and use --token-file"
    private static let noHost = "is not a host: expected NAME, NAME:PORT, [IPv6]:PORT, or an http or https URL"
    private static let taken = "remove one of them, or give it another name and a url"
    private static let invisible = "has control or invisible characters, or blanks at an end: take them out"
    private static let scheme = "is not an http or https URL: start it with http:// or https://"

    /// File, line and problem.
    private static let table: [(String, Int, String)] = [
        ("anchor.yaml", 1, noAnchors),
        ("bidi.yaml", 2, "name 'a\\u{202e}b' \(invisible)"),
        ("bomb.yaml", 10, noAnchors),
        ("comma.json", 1, "no valid YAML or JSON (did not find expected ',' or ']'): correct it"),
        ("control.yaml", 3, "there is a control character (0x1b): \(notText)"),
        (
            "deep.json", 1,
            "no valid YAML or JSON (Maximum nesting level reached, set with yaml_set_max_nest_level())): correct it"
        ),
        ("duplicate-key.yaml", 2, "the key 'name' stands twice in one mapping: remove one"),
        ("duplicate.txt", 4, "the name 'a' is taken since duplicate.txt:1: \(taken)"),
        ("duplicate.yaml", 4, "the name 'canvas-01' is taken since duplicate.yaml:2: \(taken)"),
        ("empty-name.yaml", 2, "name is empty: give it a value or remove it"),
        ("escape.yaml", 2, "name 'a\\u{1b}[31m' \(invisible)"),
        ("fragment.txt", 1, "'http://a/#top' has a fragment: remove '#' and what follows"),
        ("garbage.bin", 2, "there is a control character (0x00): \(notText)"),
        ("label-list.yaml", 3, "a label is not a text: write one value"),
        ("latin.txt", 2, "the text is not UTF-8: \(notText)"),
        ("long-name.yaml", 2, "name 'aaaaaaaaaaaaaaaaaaaaaaa…' is longer than 255 bytes: shorten it"),
        ("mapping-hosts.yaml", 1, "hosts is no list: write one '- name' a line below it, or hosts: []"),
        ("needs-url.yaml", 2, "no URL can be made of the name 'two words': give the host a url"),
        ("neither.yaml", 2, "a host has neither name nor url: write '- name: NAME'"),
        ("nested.yaml", 2, "a host is not a text: write one value"),
        ("no-host.txt", 1, "'http:///buildinfo' \(noHost)"),
        ("no-hosts.yaml", 1, "there is no 'hosts': write the list of hosts below it, or hosts: [] for none"),
        ("no-scheme.yaml", 3, "'a:9480/buildinfo' \(scheme)"),
        ("null-name.yaml", 2, "name is empty: give it a value or remove it"),
        ("page.html", 1, "'<!DOCTYPE html>' is more than one word: write one host or URL a line"),
        ("port-zero.yaml", 1, "port '0' is no port: write a number from 1 to 65535"),
        ("port.txt", 1, "'http://a:99999/' \(noHost)"),
        ("scalar-hosts.yaml", 1, "hosts is no list: write one '- name' a line below it, or hosts: []"),
        ("scheme.yaml", 2, "'ftp://a/' \(scheme)"),
        ("sd-mixed.yml", 2, "a host stands among groups of targets: write it below 'targets'"),
        ("sd-no-targets.yml", 2, "a group has no targets: write targets: [host:port, …]"),
        ("sd-scheme.yml", 1, "__scheme__ 'gopher' is not known: use http or https"),
        ("service.yaml", 1, "'a/b' is not a service name: use letters, digits, '.', '_' and '-', at most 128"),
        ("tab.yaml", 2, "a tab stands where YAML wants spaces: indent with spaces"),
        ("text.yaml", 1, "holds no list of hosts: write 'hosts:' with a list, or one host or URL a line"),
        ("two-documents.yaml", 3, "a second document begins: an inventory is one document"),
        ("two-words.yaml", 2, "'two words' \(noHost)"),
        ("umlaut.txt", 1, "'http://ä/' has characters that are not allowed in a URL: percent-encode them"),
        ("unclosed.yaml", 2, "no valid YAML or JSON (did not find expected ',' or ']'): correct it"),
        ("user-alone.yaml", 2, password),
        ("unknown-host-key.yaml", 3, "unknown key 'wave': known here are name, url, id, labels, waive, access"),
        ("unknown-key.yaml", 2, "unknown key 'hosst': known here are service, port, hosts, waivers, access, scheme"),
        ("user-name.txt", 1, password),
        ("user-slash.txt", 1, password),
        ("user-words.txt", 1, password),
        ("user.yaml", 2, password),
        (
            "waive-date.yaml", 3,
            "waive.until '2026-12-01' is no RFC 3339 time: write for example 2026-12-01T00:00:00Z"
        ),
        (
            "waive-february.yaml", 3,
            "waive.until '2026-02-30T00:00:00Z' is no RFC 3339 time: write for example 2026-12-01T00:00:00Z"
        ),
        ("waive-reason.yaml", 3, "waive has no reason: write why the host is left out"),
        (
            "waive-scalar.yaml", 3,
            "waive is no mapping: write waive: {until: 2026-12-01T00:00:00Z, reason: …, by: …}"
        ),
        ("waive-until.yaml", 3, "waive has no until: a waiver ends, write until: 2026-12-01T00:00:00Z"),
        ("waivers-alone.yaml", 1, "there is no 'hosts': write the list of hosts below it, or hosts: [] for none"),
        ("waivers-bidi.json", 3, "waiver.reason 'a\\u{202e}b' \(invisible)"),
        ("waivers-both.yaml", 3, "a waiver has both hosts and labels: write one of them"),
        (
            "waivers-date.yaml", 4,
            "waiver.until 'tomorrow' is no RFC 3339 time: write for example 2026-12-01T00:00:00Z"
        ),
        ("waivers-key.yaml", 4, "unknown key 'untill': known here are hosts, labels, until, reason, by"),
        (
            "waivers-mapping.yaml", 2,
            "waivers is no list: write '- {hosts: [NAME], until: …, reason: …}' a line below it"
        ),
        ("waivers-names.yaml", 2, "a waiver is no mapping: write {hosts: [NAME], until: …, reason: …}"),
        ("waivers-no-host.yaml", 3, "waiver.hosts is no list of names: write hosts: [NAME, …]"),
        ("waivers-no-label.yaml", 3, "waiver.labels is empty: name a label, or no host would be left"),
        ("waivers-nobody.yaml", 3, "a waiver has neither hosts nor labels: write one of them"),
        ("waivers-reason.yaml", 3, "waiver has no reason: write why the host is left out"),
        ("waivers-until.yaml", 3, "waiver has no until: a waiver ends, write until: 2026-12-01T00:00:00Z"),
        ("access-host-select.yaml", 2, "unknown key 'select': known here are token_file, ca, cert, key"),
        ("access-key.yaml", 2, "access.key has no access.cert: name the certificate that it belongs to"),
        ("access-nothing.yaml", 3, "access names no file: write token_file, ca, or cert and key"),
        ("access-path.yaml", 2, #"access.ca 'a\u{7}.pem' is no path of visible characters: correct it"#),
        ("access-select.yaml", 3, "access.select 'canary' is no label: write for example group=canary"),
        ("access-text.yaml", 2, "access is no mapping: write access: {token_file: PATH, ca: PATH}"),
        (
            "access-token.yaml", 3,
            "an inventory holds no token (not shown here): write it to a file, and token_file: PATH here"
        ),
        ("scheme-of-all.yaml", 1, "scheme 'ftp' is not known: use http or https"),
        ("words.txt", 1, "'http://a/b c' is more than one word: write one host or URL a line"),
    ]

    @Test("A bad file's message names the line, the problem and the remedy", arguments: table)
    func message(file: String, line: Int, problem: String) throws {
        let folder = try InventoryFixtures.folder("bad")
        let message = InventoryFixtures.failure({ try InventoryFixtures.load(file, "bad") }, in: folder)
        #expect(message == "\(file):\(line): \(problem)")
    }

    @Test("Every bad file is in the table")
    func completeness() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: InventoryFixtures.folder("bad"))
        #expect(Set(files) == Set(Self.table.map(\.0)))
    }

    @Test("What cannot be read is refused by its name, and is never an empty list")
    func unreadable() throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        func failure(_ path: String) -> String? {
            InventoryFixtures.failure {
                try InventoryFixtures.load(sources: [.file(path: path)], now: InventoryFixtures.now)
            }
        }
        let remedy = "give the path of an inventory file, or - for standard input"
        #expect(
            failure("\(folder.path)/none")
                == "\(folder.path)/none: cannot be read (No such file or directory): \(remedy)")
        #expect(failure(folder.path) == "\(folder.path): cannot be read (it is a directory): \(remedy)")
        #expect(failure("") == "--fleet '': cannot be read (No such file or directory): \(remedy)")
    }

    @Test("A file above 64 MiB is refused")
    func tooLarge() throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = try folder.write("a\n", to: "large")
        #expect(truncate(path, InventoryReader.maximumBytes + 1) == 0)
        let message = InventoryFixtures.failure {
            try InventoryFixtures.load(sources: [.file(path: path)], now: InventoryFixtures.now)
        }
        #expect(message == "\(path): is larger than 64 MiB: split it, or give a list with one host a line")
    }

    @Test("One name for two hosts is refused across files and flags, unless they agree")
    func acrossSources() throws {
        let message = InventoryFixtures.failure {
            try InventoryFixtures.load(texts: ["a\n"], hosts: ["https://a/"])
        }
        #expect(message?.hasPrefix("--host: the name 'a' is taken since ") == true)
        #expect(
            InventoryFixtures.failure { try InventoryFixtures.load(texts: ["hosts: [a]", "port: 1\nhosts: [a]"]) }
                != nil)
    }

    @Test("Two files that name two services need a flag to decide")
    func services() throws {
        let texts = ["service: a\nhosts: [x]", "service: b\nhosts: [y]"]
        let message = try #require(InventoryFixtures.failure { try InventoryFixtures.load(texts: texts) })
        #expect(message.contains("1.txt:1: names the service 'b' where "))
        #expect(message.hasSuffix("0.txt:1 names 'a': say with --service which one is meant"))
        #expect(try InventoryFixtures.load(texts: texts, service: "c").hosts.count == 2)
    }

    @Test("A service that cannot stand in a URL is refused", arguments: ["", "a/b", "..", "a b", "ä"])
    func service(name: String) {
        let message = InventoryFixtures.failure { try InventoryFixtures.load(texts: ["a\n"], service: name) }
        #expect(message?.hasPrefix("--service '") == true)
    }

    @Test("Standard input cannot be read twice")
    func standardInputTwice() {
        let sources = [InventorySource.standardInput, .standardInput]
        let message = InventoryFixtures.failure {
            try InventoryFixtures.load(sources: sources, now: InventoryFixtures.now)
        }
        #expect(message == "--fleet - stands twice: standard input can be read only once")
    }

    @Test(
        "A time that RFC 3339 does not know is none",
        arguments: [
            "", "2026-12-01", "2026-12-01T00:00:00", "2026-12-01 00:00:00Z", "2026-12-01T24:00:00Z",
            "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-12-01T00:00:00.Z", "2026-12-01T00:00:00+0100",
            "2026-12-01T00:00:00Zx", "x2026-12-01T00:00:00Z", "2026-12-01T00:00:00+24:00",
        ])
    func notTime(text: String) {
        #expect(Date(rfc3339: text) == nil)
    }

    @Test(
        "RFC 3339 times are the moments that they name",
        arguments: [
            ("1970-01-01T00:00:00Z", 0.0), ("2026-11-23T12:00:00Z", 1_795_435_200),
            ("2024-02-29T23:59:59Z", 1_709_251_199),
            ("2026-11-23T13:30:00.250+01:30", 1_795_435_200.25), ("1969-12-31T19:00:00-05:00", 0),
            ("0000-01-01T00:00:00Z", -62_167_219_200),
        ])
    func times(text: String, seconds: Double) {
        #expect(Date(rfc3339: text)?.timeIntervalSince1970 == seconds)
    }
}
