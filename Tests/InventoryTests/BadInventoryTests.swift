import Foundation
import Glibc
import Testing

@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Inventory

@Suite("Invalid inventories")
struct BadInventoryTests {
    private static let notText = "an inventory is UTF-8 text (YAML, JSON, or one host per line)"
    private static let noAnchors = "YAML anchors (&) are not supported: write out every host"
    private static let password =
        "an address contains a user or password (not shown here): remove it, and use --token-file"
    private static let noHost = "is not a host: expected NAME, NAME:PORT, [IPv6]:PORT, or an http or https URL"
    private static let taken = "remove one of them, or give it another name and a url"
    private static let invisible = "has control or invisible characters, or spaces at an end: remove them"
    private static let scheme = "is not an http or https URL: start it with http:// or https://"

    /// File, line and problem.
    private static let table: [(String, Int, String)] = [
        ("anchor.yaml", 1, noAnchors),
        ("bidi.yaml", 2, "name 'a\\u{202e}b' \(invisible)"),
        ("bomb.yaml", 10, noAnchors),
        ("comma.json", 1, "invalid YAML or JSON (did not find expected ',' or ']'): correct it"),
        ("control.yaml", 3, "control character 0x1b: \(notText)"),
        (
            "deep.json", 1,
            "invalid YAML or JSON (Maximum nesting level reached, set with yaml_set_max_nest_level())): correct it"
        ),
        ("duplicate-key.yaml", 2, "duplicate key 'name': remove one"),
        ("duplicate.txt", 4, "duplicate name 'a', first used at duplicate.txt:1: \(taken)"),
        ("duplicate.yaml", 4, "duplicate name 'canvas-01', first used at duplicate.yaml:2: \(taken)"),
        ("empty-name.yaml", 2, "name is empty: give it a value or remove it"),
        ("escape.yaml", 2, "name 'a\\u{1b}[31m' \(invisible)"),
        ("fragment.txt", 1, "'http://a/#top' has a fragment: remove '#' and what follows"),
        ("garbage.bin", 2, "control character 0x00: \(notText)"),
        ("label-list.yaml", 3, "a label needs a single value: write a text or a number"),
        ("latin.txt", 2, "invalid UTF-8: \(notText)"),
        ("long-name.yaml", 2, "name 'aaaaaaaaaaaaaaaaaaaaaaa…' is longer than 255 bytes: shorten it"),
        ("mapping-hosts.yaml", 1, "hosts needs a list: write one '- NAME' per line below it, or hosts: []"),
        ("needs-url.yaml", 2, "the name 'two words' is not a valid address: give the host a url"),
        ("neither.yaml", 2, "a host needs a name or a url: write '- name: NAME'"),
        ("nested.yaml", 2, "a host needs a single value: write a text or a number"),
        ("no-host.txt", 1, "'http:///buildinfo' \(noHost)"),
        ("no-hosts.yaml", 1, "hosts is missing: write hosts: with a list, or hosts: [] for none"),
        ("no-scheme.yaml", 3, "'a:9480/buildinfo' \(scheme)"),
        ("null-name.yaml", 2, "name is empty: give it a value or remove it"),
        ("page.html", 1, "'<!DOCTYPE html>' is more than one word: write one host or URL per line"),
        ("port-zero.yaml", 1, "invalid port '0': expected a number from 1 to 65535"),
        ("port.txt", 1, "'http://a:99999/' \(noHost)"),
        ("scalar-hosts.yaml", 1, "hosts needs a list: write one '- NAME' per line below it, or hosts: []"),
        ("scheme.yaml", 2, "'ftp://a/' \(scheme)"),
        ("sd-mixed.yml", 2, "a host is listed among groups of targets: write it below targets"),
        ("sd-no-targets.yml", 2, "a group needs targets: write targets: [host:port, …]"),
        ("sd-scheme.yml", 1, "invalid __scheme__ 'gopher': expected http or https"),
        ("service.yaml", 1, "'a/b' is not a service name: use letters, digits, '.', '_' and '-', at most 128"),
        ("tab.yaml", 2, "tab in the indentation: indent with spaces"),
        ("text.yaml", 1, "the list of hosts is missing: write hosts: with a list, or one host or URL per line"),
        ("two-documents.yaml", 3, "a second YAML document begins: write one document per file"),
        ("two-words.yaml", 2, "'two words' \(noHost)"),
        ("umlaut.txt", 1, "'http://ä/' has characters that are not allowed in a URL: percent-encode them"),
        ("unclosed.yaml", 2, "invalid YAML or JSON (did not find expected ',' or ']'): correct it"),
        ("user-alone.yaml", 2, password),
        ("unknown-host-key.yaml", 3, "unknown key 'wave': did you mean 'waive'?"),
        ("unknown-key.yaml", 2, "unknown key 'hosst': did you mean 'hosts'?"),
        ("user-name.txt", 1, password),
        ("user-slash.txt", 1, password),
        ("user-words.txt", 1, password),
        ("user.yaml", 2, password),
        (
            "waive-date.yaml", 3,
            "invalid waive.until '2026-12-01': expected an RFC 3339 time such as 2031-12-01T00:00:00Z"
        ),
        (
            "waive-february.yaml", 3,
            "invalid waive.until '2026-02-30T00:00:00Z': expected an RFC 3339 time such as 2031-12-01T00:00:00Z"
        ),
        ("waive-reason.yaml", 3, "waive needs a reason: write reason: TEXT"),
        (
            "waive-scalar.yaml", 3,
            "waive needs keys: write waive: {until: 2031-12-01T00:00:00Z, reason: …, by: …}"
        ),
        ("waive-until.yaml", 3, "waive needs an end: write until: 2031-12-01T00:00:00Z"),
        ("waivers-alone.yaml", 1, "hosts is missing: write hosts: with a list, or hosts: [] for none"),
        ("waivers-bidi.json", 3, "waiver.reason 'a\\u{202e}b' \(invisible)"),
        ("waivers-both.yaml", 3, "a waiver has both hosts and labels: write one of them"),
        (
            "waivers-date.yaml", 4,
            "invalid waiver.until 'tomorrow': expected an RFC 3339 time such as 2031-12-01T00:00:00Z"
        ),
        ("waivers-key.yaml", 4, "unknown key 'untill': did you mean 'until'?"),
        (
            "waivers-mapping.yaml", 2,
            "waivers needs a list: write one '- {hosts: [NAME], until: …, reason: …}' per line below it"
        ),
        ("waivers-names.yaml", 2, "a waiver needs keys: write {hosts: [NAME], until: …, reason: …}"),
        ("waivers-no-host.yaml", 3, "waiver.hosts needs a list of names: write hosts: [NAME, …]"),
        ("waivers-no-label.yaml", 3, "waiver.labels is empty: name a label, since it would waive every host"),
        ("waivers-nobody.yaml", 3, "a waiver needs hosts or labels: write one of them"),
        ("waivers-reason.yaml", 3, "waiver needs a reason: write reason: TEXT"),
        ("waivers-until.yaml", 3, "waiver needs an end: write until: 2031-12-01T00:00:00Z"),
        ("access-host-select.yaml", 2, "unknown key 'select': known keys are token_file, ca, cert, key"),
        ("access-key.yaml", 2, "access.key needs access.cert: name the certificate that it belongs to"),
        ("access-nothing.yaml", 3, "access needs a file: write token_file, ca, or cert and key"),
        ("access-path.yaml", 2, #"invalid access.ca 'a\u{7}.pem': expected a path of visible characters"#),
        ("access-select.yaml", 3, "invalid access.select 'canary': expected a label such as group=canary"),
        ("access-text.yaml", 2, "access needs keys: write access: {token_file: PATH, ca: PATH}"),
        (
            "access-token.yaml", 3,
            "a token is not allowed in an inventory (not shown here): write it to a file, and give token_file: PATH"
        ),
        ("scheme-of-all.yaml", 1, "invalid scheme 'ftp': expected http or https"),
        ("words.txt", 1, "'http://a/b c' is more than one word: write one host or URL per line"),
    ]

    @Test("The message about an invalid file names the line, the problem and the remedy", arguments: table)
    func message(file: String, line: Int, problem: String) throws {
        let folder = try InventoryFixtures.folder("bad")
        let message = InventoryFixtures.failure({ try InventoryFixtures.load(file, "bad") }, in: folder)
        #expect(message == "\(file):\(line): \(problem)")
    }

    @Test("Every invalid file is in the table")
    func completeness() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: InventoryFixtures.folder("bad"))
        #expect(Set(files) == Set(Self.table.map(\.0)))
    }

    @Test("An unreadable source is refused by name, and never becomes an empty list")
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
        #expect(message == "\(path): is larger than 64 MiB: split it, or list one host per line")
    }

    @Test("Duplicate names are refused across files and flags, unless they agree")
    func acrossSources() throws {
        let message = InventoryFixtures.failure {
            try InventoryFixtures.load(texts: ["a\n"], hosts: ["https://a/"])
        }
        #expect(message?.hasPrefix("--host: duplicate name 'a', first used at ") == true)
        #expect(
            InventoryFixtures.failure { try InventoryFixtures.load(texts: ["hosts: [a]", "port: 1\nhosts: [a]"]) }
                != nil)
    }

    @Test("Two files with different services need --service")
    func services() throws {
        let texts = ["service: a\nhosts: [x]", "service: b\nhosts: [y]"]
        let message = try #require(InventoryFixtures.failure { try InventoryFixtures.load(texts: texts) })
        #expect(message.contains("1.txt:1: the service 'b' contradicts 'a' at "))
        #expect(message.hasSuffix("0.txt:1: choose one with --service"))
        #expect(try InventoryFixtures.load(texts: texts, service: "c").hosts.count == 2)
    }

    @Test("A service that cannot be part of a URL is refused", arguments: ["", "a/b", "..", "a b", "ä"])
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
        #expect(message == "--fleet - is given twice: standard input can be read only once")
    }

    @Test(
        "Invalid RFC 3339 times are refused",
        arguments: [
            "", "2026-12-01", "2026-12-01T00:00:00", "2026-12-01 00:00:00Z", "2026-12-01T24:00:00Z",
            "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-12-01T00:00:00.Z", "2026-12-01T00:00:00+0100",
            "2026-12-01T00:00:00Zx", "x2026-12-01T00:00:00Z", "2026-12-01T00:00:00+24:00",
        ])
    func notTime(text: String) {
        #expect(Date(rfc3339: text) == nil)
    }

    @Test(
        "RFC 3339 times are parsed exactly",
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
