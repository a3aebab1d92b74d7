import ArgumentParser
import Foundation
import Support
import Testing

@testable import Collector
@testable import CollectorSupport
@testable import Gate
@testable import Inventory
@testable import Operations
@testable import Transfer

@Suite("Command line: TLS files are checked before any request", .timeLimit(.minutes(2)))
struct CertificateFilesTests {
    private static func yard() async throws -> TestCertificates {
        let yard = try await TestCertificates()
        for name in ["client", "stranger"] { try await yard.issue(name, alternatives: nil) }
        try await yard.openssl("x509 -in ca.pem -outform der -out ca.der")
        try await yard.openssl("pkey -in client.key -outform der -out client.der")
        try await yard.openssl("pkey -in client.key -aes128 -passout pass:x -out encrypted.key")
        func read(_ name: String) throws -> String {
            String(decoding: try BoundedFile.read(yard.path(name), limit: 1 << 20, flag: name), as: UTF8.self)
        }
        try yard.folder.write("both.pem", try read("client.pem") + read("client.key"))
        try yard.folder.write("mixed.pem", try read("client.pem") + read("stranger.key"))
        try yard.folder.write("cut.pem", String(try read("client.pem").prefix(300)))
        try yard.folder.write("half.pem", try read("ca.pem") + read("other.pem").prefix(200))
        try yard.folder.write("cut.key", String(try read("client.key").prefix(90)))
        try yard.folder.write("junk", "hello\n")
        try yard.folder.write("empty", "")
        return yard
    }

    @Test("Field 27: an unusable authority, certificate or key is an error with the file and the remedy")
    func table() async throws {
        let yard = try await Self.yard()
        let cases: [(ca: String?, cert: String?, key: String?, reason: String?)] = [
            ("ca.pem", nil, nil, nil), ("both.pem", nil, nil, nil), (nil, "client.pem", "client.key", nil),
            (nil, "both.pem", nil, nil), ("ca.pem", "client.pem", "client.key", nil),
            ("junk", nil, nil, "--ca 'junk' is not PEM: a certificate begins with"),
            ("empty", nil, nil, "--ca 'empty' is not PEM"), ("ca.der", nil, nil, "--ca 'ca.der' is DER, not PEM"),
            ("client.key", nil, nil, "--ca 'client.key' contains PRIVATE KEY, not a certificate"),
            ("half.pem", nil, nil, "--ca 'half.pem' holds an unreadable certificate"),
            ("cut.pem", nil, nil, "--ca 'cut.pem' holds an unreadable certificate"),
            ("nowhere", nil, nil, "--ca 'nowhere' cannot be read (No such file or directory)"),
            (".", nil, nil, "--ca '.' is not a regular file"),
            (nil, "client.pem", nil, "--cert 'client.pem' has no key: give --key"),
            (nil, "client.pem", "stranger.key", "--key 'stranger.key' does not belong to --cert 'client.pem'"),
            (nil, "mixed.pem", nil, "--cert 'mixed.pem' does not belong to the certificate in it"),
            (nil, "client.pem", "client.pem", "--key 'client.pem' contains CERTIFICATE, not a private key"),
            (nil, "client.key", "client.key", "--cert 'client.key' contains PRIVATE KEY, not a certificate"),
            (nil, "junk", "client.key", "--cert 'junk' is not PEM"),
            (nil, "client.pem", "junk", "--key 'junk' is not PEM"),
            (nil, "client.pem", "client.der", "--key 'client.der' is DER, not PEM"),
            (nil, "client.pem", "encrypted.key", "--key 'encrypted.key' is encrypted"),
            (nil, "cut.pem", "client.key", "--cert 'cut.pem' is unreadable: it is truncated"),
            (nil, "client.pem", "cut.key", "--key 'cut.key' is unreadable: it is truncated"),
            (nil, "client.pem", "nowhere", "--key 'nowhere' cannot be read (No such file"),
        ]
        for (ca, cert, key, reason) in cases {
            let given = [("--ca", ca), ("--cert", cert), ("--key", key)]
            let options = try AccessOptions.parse(
                given.flatMap { flag, name in name.map { [flag, yard.path($0)] } ?? [] })
            do {
                _ = try options.access(for: Inventory.load(sources: [], hosts: ["a"], service: "canvas", now: .now))
                #expect(reason == nil, "\(given)")
            } catch {
                let said = "\(error)".replacing(yard.path(""), with: "")
                #expect(said.hasPrefix(reason ?? "nothing"), "\(given): \(said)")
            }
        }
    }

    @Test("Errors in an inventory's files name the line and the host")
    func inventory() async throws {
        let yard = try await Self.yard()
        let fleet = try yard.folder.write(
            "fleet.yaml", "hosts:\n  - name: b\n    access: {cert: client.pem, key: stranger.key}\n")
        let inventory = try Inventory.load(sources: [.file(path: fleet)], service: "canvas", now: .now)
        let error = #expect(throws: UsageError.self) { try AccessOptions.parse([]).access(for: inventory) }
        #expect(
            error?.description.hasPrefix("\(fleet):3: key of host 'b': '\(yard.path("stranger.key"))' does not") == true
        )
    }

    @Test("Forge, registry and kill switch reject a file that is not a PEM bundle")
    func otherOptions() async throws {
        let yard = try await Self.yard()
        let junk = yard.path("junk")
        let registry = try RegistryOptions.parse(["--registry-ca", junk])
        #expect(throws: UsageError.self) { try registry.access(environment: [:]) }
        let (forge, stop) = (
            try ForgeOptions.parse(["--forge", "github", "--repository", "a/b", "--forge-ca", junk]),
            try KillSwitchOptions.parse(["--kill-switch-ca", junk])
        )
        try await WebClient.with { web in
            #expect(throws: UsageError.self) { try forge.forge(environment: [:], web: web) }
            #expect(throws: UsageError.self) {
                try stop.killSwitch(promoting: nil, environment: [:], web: web) {
                    try forge.forge(environment: [:], web: web)
                }
            }
        }
    }
}
