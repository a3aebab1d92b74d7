import ArgumentParser
import Foundation
import Support
import Testing

@testable import Collector
@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Inventory
@testable import Operations
@testable import Transfer
@testable import Verdict

@Suite("How an inventory says that hosts are asked")
struct AccessInventoryTests {
    /// The paths of each host, by key, as far as the inventory says them.
    private func paths(_ inventory: Inventory) -> [String: [String: String]] {
        var paths: [String: [String: String]] = [:]
        for (host, access) in zip(inventory.hosts, inventory.access) {
            paths[host.name] = access.map { access in
                Dictionary(
                    uniqueKeysWithValues: InventoryCredentials.Key.allCases.compactMap { key in
                        access[key].map { (key.rawValue, $0.path) }
                    })
            }
        }
        return paths
    }

    private func options(_ arguments: [String]) throws -> AccessOptions { try AccessOptions.parse(arguments) }

    @Test("The first access that selects a host is its own, a host's goes before, and both fill gaps only")
    func precedence() throws {
        let text = """
            access:
              - {select: [group=canary, region=eu], token_file: /canary-eu, ca: /eu}
              - {select: group=canary, token_file: /canary, cert: /canary.pem, key: /canary.key}
              - {select: group!=lab, ca: /all}
            hosts:
              - {name: a, labels: {group: canary, region: eu}}
              - {name: b, labels: {group: canary, region: us}}
              - {name: c, labels: {group: rest}}
              - {name: d, labels: {group: lab}}
              - {name: e, labels: {group: canary}, access: {cert: /own.pem}}
              - {name: f, labels: {group: lab}, access: {token_file: /own}}
            """
        let inventory = try InventoryFixtures.load(texts: [text])
        #expect(
            paths(inventory) == [
                "a": ["token_file": "/canary-eu", "ca": "/eu"],
                "b": ["token_file": "/canary", "cert": "/canary.pem", "key": "/canary.key"],
                "c": ["ca": "/all"], "e": ["token_file": "/canary", "cert": "/own.pem"], "f": ["token_file": "/own"],
            ])
        let selected = try InventoryFixtures.load(
            sources: [], hosts: ["x"], selector: .everything, now: InventoryFixtures.now)
        #expect(selected.access == [nil])
    }

    @Test("A file of access alone is for hosts of other sources, those of --host too; it changes no hash")
    func acrossSources() throws {
        let discovered = #"[{"targets": ["a"], "labels": {"group": "canary"}}]"#
        let rules = "access: [{select: group=canary, token_file: /canary}, {ca: /all}]"
        for texts in [[discovered, rules], [rules, discovered]] {
            let inventory = try InventoryFixtures.load(texts: texts, hosts: ["b"])
            #expect(paths(inventory) == ["a": ["token_file": "/canary"], "b": ["ca": "/all"]])
            #expect(try inventory.hash == InventoryFixtures.load(texts: [discovered], hosts: ["b"]).hash)
        }
    }

    @Test("A selection of hosts keeps each one's access")
    func selection() throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let text = "hosts: [{name: a, labels: {g: x}, access: {ca: /a}}, {name: b, labels: {g: y}, access: {ca: /b}}]"
        let inventory = try InventoryFixtures.load(
            sources: [.file(path: try folder.write(text, to: "fleet.yaml"))],
            selector: HostSelector([try #require(HostSelector.Term(parsing: "g=y"))]), now: InventoryFixtures.now)
        #expect(paths(inventory) == ["b": ["ca": "/b"]])
    }

    @Test("One host with two ways of asking it is one name for two hosts")
    func contradiction() throws {
        let one = "hosts: [{name: a, access: {ca: /one}}]"
        #expect(try InventoryFixtures.load(texts: [one, one]).hosts.count == 1)
        for other in ["hosts: [{name: a, access: {ca: /two}}]", "hosts: [a]"] {
            let failure = InventoryFixtures.failure { try InventoryFixtures.load(texts: [one, other]) }
            #expect(failure?.contains("the name 'a' is taken") == true)
        }
    }

    @Test("Relative paths begin at the inventory's folder")
    func relative() throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = try folder.write(
            "access: {ca: tls/ca.pem}\nhosts: [{name: a, access: {token_file: t}}]", to: "f.yaml")
        let inventory = try InventoryFixtures.load(sources: [.file(path: path)], now: InventoryFixtures.now)
        #expect(paths(inventory) == ["a": ["ca": "\(folder.path)/tls/ca.pem", "token_file": "\(folder.path)/t"]])
    }

    @Test("scheme is how all hosts without a url are spoken to")
    func scheme() throws {
        let text = "hosts: [a, {name: b, url: 'http://b/'}]\nscheme: https"
        #expect(
            try InventoryFixtures.load(texts: [text]).hosts.map(\.url)
                == ["https://a:9480/buildinfo/canvas", "http://b/"])
    }

    @Test("The flags are for what the inventory leaves open, and a certificate is never given another's key")
    func flags() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let yard = try await TestCertificates()
        func copy(_ names: String..., to name: String) throws {
            _ = try folder.write(try names.map(yard.folder.read).joined(), to: name)
        }
        try copy("ca.pem", to: "ca")
        try copy("other.pem", to: "own-ca")
        try copy("ca.pem", to: "cert")
        try copy("ca.key", to: "key")
        try copy("other.pem", "other.key", to: "own")
        _ = try folder.write("flag-token\n", to: "token")
        _ = try folder.write("own-token\n", to: "own-token")
        let text = """
            hosts:
              - a
              - {name: b, access: {token_file: own-token, ca: own-ca}}
              - {name: c, access: {cert: own}}
            """
        let inventory = try InventoryFixtures.load(
            sources: [.file(path: try folder.write(text, to: "fleet.yaml"))], now: InventoryFixtures.now)
        let path = { (name: String) in "\(folder.path)/\(name)" }
        let access = try options([
            "--token-file", path("token"), "--ca", path("ca"), "--cert", path("cert"), "--key", path("key"),
        ]).access(for: inventory)
        let flags = RequestCredentials(
            bearerToken: "flag-token", certificateAuthorities: path("ca"), clientCertificate: path("cert"),
            clientKey: path("key"))
        #expect(access[0] == flags)
        #expect(
            access[1]
                == RequestCredentials(
                    bearerToken: "own-token", certificateAuthorities: path("own-ca"), clientCertificate: path("cert"),
                    clientKey: path("key")))
        #expect(
            access[2]
                == RequestCredentials(
                    bearerToken: "flag-token", certificateAuthorities: path("ca"), clientCertificate: path("own")))
    }

    @Test("What cannot be used names file, host and key, and never what is in it", arguments: ["none", "two words"])
    func unusable(content: String) throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        if content != "none" { _ = try folder.write("two words", to: "token") }
        let fleet = try folder.write("hosts:\n  - a\n  - name: b\n    access: {token_file: token}\n", to: "fleet.yaml")
        let inventory = try InventoryFixtures.load(sources: [.file(path: fleet)], now: InventoryFixtures.now)
        do {
            _ = try options([]).access(for: inventory)
            Issue.record("it was used")
        } catch {
            #expect("\(error)".hasPrefix("\(fleet):4: token_file of host 'b': '\(folder.path)/token' "), "\(error)")
            #expect(!"\(error)".contains("two words"))
        }
    }

    @Test(
        "A token is in the clear over http to another machine",
        arguments: [
            ("http://canvas-01:9480/buildinfo", true), ("https://canvas-01:9480/buildinfo", false),
            ("HTTP://10.0.0.1/", true), ("HTTPS://10.0.0.1/", false), ("http://127.0.0.1:9480/", false),
            ("http://127.9.8.7/", false), ("http://[::1]:9480/", false), ("http://localhost/", false),
            ("http://LOCALHOST:1/", false), ("http://127.0.0.1.example/", true), ("http://localhost.example/", true),
            ("http://127.0.0.1.5/", true), ("http://[::2]/", true), ("http://a/?x=https://b", true),
        ])
    func clear(url: String, isInTheClear: Bool) {
        #expect(HostAddress.isInTheClear(url) == isInTheClear)
        let hosts = [ExpectedHost(name: "a", url: url), ExpectedHost(name: "b", url: url)]
        let token = HostCredentials(RequestCredentials(bearerToken: "s3cret"))
        let warnings = token.warnings(for: hosts)
        #expect(warnings.count == (isInTheClear ? 1 : 0))
        #expect(warnings.allSatisfy { $0.contains("2 hosts (a, b)") && !$0.contains("s3cret") })
        #expect(HostCredentials().warnings(for: hosts).isEmpty)
        let one = HostCredentials(own: [1: RequestCredentials(bearerToken: "s3cret")]).warnings(for: hosts)
        #expect(one.allSatisfy { $0.contains("1 host (b)") } && one.count == (isInTheClear ? 1 : 0))
    }
}
