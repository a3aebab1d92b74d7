import Foundation
import Logging
import Shared
import Support
import Synchronization
import Testing

@testable import Agent

@Suite("Configuration") struct ConfigurationTests {
    /// The files of a folder of Tests/AgentTests/Configurations, without their ends.
    private static func names(_ folder: String) -> [String] {
        do {
            let path = try SourceTree.path("Tests/AgentTests/Configurations/\(folder)")
            return try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(".yaml") }
                .map { String($0.dropLast(".yaml".count)) }.sorted()
        } catch {
            return ["the folder \(folder): \(error)"]
        }
    }

    private static func bytes(_ folder: String, _ file: String) throws -> [UInt8] {
        let path = try SourceTree.path("Tests/AgentTests/Configurations/\(folder)/\(file)")
        return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    private static func lines(_ folder: String, _ file: String) throws -> [String] {
        String(decoding: try bytes(folder, file), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private static let everyFlag =
        ConfigurationKey.all.compactMap(\.flag).map { name in
            EnvironmentArguments.Flag(name, name == "--allow-anonymous" ? .switchOn : .values)
        } + [.init("--service", .values), .init("--probe", .values)]

    @Test("A valid file is equivalent to its flags", arguments: names("good"))
    func good(name: String) throws {
        let file = try ConfigurationFile(try Self.bytes("good", "\(name).yaml"), named: "agent.yaml")
        let arguments = file.additions(for: Self.everyFlag, commandLine: [], environment: [:])
        #expect(arguments == (try Self.lines("good", "\(name).txt")))
    }

    @Test("Every problem of a file is one line with its position, the key and a remedy", arguments: names("bad"))
    func bad(name: String) throws {
        let error = #expect(throws: ConfigurationError.self) {
            try ConfigurationFile(try Self.bytes("bad", "\(name).yaml"), named: "agent.yaml")
        }
        let expected = try Self.lines("bad", "\(name).txt").map { "agent.yaml:\($0)" }
        #expect(error?.lines == expected)
        for line in error?.lines ?? [] { #expect(Sanitizer.isVisibleLine(line)) }
    }

    @Test("A file that is too large, and aliases for a billion values, are refused quickly")
    func bounded() throws {
        let large = Array(repeating: UInt8(ascii: "#"), count: ConfigurationText.sizeLimit + 1)
        #expect(throws: ConfigurationError.self) { try ConfigurationFile(large, named: "x") }
        var bomb = "a0: &a0 [x]\n"
        for level in 1...2_000 { bomb += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1), *a\(level - 1)]\n" }
        let start = ContinuousClock.now
        #expect(throws: ConfigurationError.self) { try ConfigurationFile(Array(bomb.utf8), named: "x") }
        for nested in [String(repeating: "[", count: 200_000), String(repeating: "- ", count: 100_000)] {
            #expect(throws: ConfigurationError.self) { try ConfigurationFile(Array(nested.utf8), named: "x") }
        }
        #expect(ContinuousClock.now - start < .seconds(30))
    }

    @Test("Arbitrary bytes are a file or problems")
    func arbitrary() throws {
        var random = SystemRandomNumberGenerator()
        let whole = try Self.bytes("good", "whole.yaml")
        var refused = 0
        for _ in 0..<2_000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = bytes.indices.randomElement(using: &random) ?? 0
                bytes[index] = Array("{}[]:,-&*!|>'\"%@`# \n\t\0\u{FF}ax9".utf8).randomElement(using: &random) ?? 0
            }
            do {
                _ = try ConfigurationFile(bytes, named: "x")
            } catch {
                refused += 1
                #expect(!error.lines.isEmpty && error.lines.allSatisfy { Sanitizer.isVisibleLine($0) })
            }
        }
        #expect(refused > 0)
    }

    @Test("Flags take precedence over the environment, and the environment over the file")
    func precedence() throws {
        let file = try ConfigurationFile(try Self.bytes("good", "whole.yaml"), named: "agent.yaml")
        let flags: [EnvironmentArguments.Flag] = [
            .init("--service", .values), .init("--probe", .values), .init("--listen", .values), .init("--host-id"),
            .init("--allow-anonymous", .switchOn), .init("--log-level"),
        ]
        #expect(
            file.additions(
                for: flags, commandLine: ["--listen", "127.0.0.1:9"],
                environment: [
                    "BUILDINFO_HOST_ID": "from-there", "BUILDINFO_ALLOW_ANONYMOUS": "0",
                    "BUILDINFO_SERVICE": "x=file:/x", "BUILDINFO_LOG_LEVEL": "",
                ]) == ["--log-level=debug"])
        // Keys for other commands are ignored.
        #expect(file.additions(for: [.init("--log-level")], commandLine: [], environment: [:]) == ["--log-level=debug"])
    }

    @Test("The file is the named one, or the default one if it exists")
    func source() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("log: {level: debug}\n", to: "agent.yaml")
        func level(_ commandLine: [String], _ environment: [String: String] = [:], usual: String = "") throws -> String?
        {
            let usual = usual.isEmpty ? folder.file("missing") : usual
            return try ConfigurationSource.load(
                commandLine: commandLine, environment: environment, standardPath: usual
            ).values["log.level"]?.first?.text
        }
        #expect(try level([]) == nil)
        #expect(try level([], usual: path) == "debug")
        #expect(try level(["serve", "--config", path]) == "debug")
        #expect(try level(["--config=\(path)"]) == "debug")
        #expect(try level([], ["BUILDINFO_CONFIG": path]) == "debug")
        let missing = folder.file("missing")
        let error = #expect(throws: ConfigurationError.self) { try level(["--config", missing], usual: path) }
        #expect(error?.description.hasPrefix("\(missing) does not exist: ") == true)
        #expect(throws: ConfigurationError.self) { try level(["--config", folder.path]) }
    }

    @Test("Each reload reads the file again, with the same flags")
    func reload() throws {
        let folder = try TemporaryFolder()
        func load() throws -> AgentConfiguration {
            try AgentConfiguration.load(
                flags: ["--config", folder.file("agent.yaml"), "--listen", "127.0.0.1:1"], environment: [:])
        }
        try folder.write("services:\n- {name: a, file: /a}\nlisten: 127.0.0.1:2\n", to: "agent.yaml")
        let first = try load()
        #expect(first.evidence.services.map(\.name) == ["a"])
        #expect(first.listen == [.tcp(host: "127.0.0.1", port: 1)])
        try folder.write(
            "services:\n- {name: b, file: /b, probe: 'http://[::1]/'}\nlog: {level: error}\nlimits: {connections: 77}\n",
            to: "agent.yaml")
        let second = try load()
        #expect(second.evidence.services.map(\.name) == ["b"])
        #expect(second.evidence.services.first?.probe?.description == "http://[::1]/")
        #expect(second.log.logLevel == .error && second.limits.connections == 77)
        try folder.write("listen: [\n", to: "agent.yaml")
        #expect(throws: ConfigurationError.self) { try load() }
    }

    struct Change: CustomTestStringConvertible, Sendable {
        var text: String
        var keys: [String]
        var meaning = ""
        var command = "serve"
        var isBound = false
        var testDescription: String { "\(command): \(text)" }
    }

    private static let changes = [
        Change(text: "", keys: []),
        Change(text: "host: {id: another-host}\nengines: [unix:/run/other.sock]", keys: []),
        Change(
            text: "access: {token_file: /t}", keys: ["access.token_file"], meaning: "Access control not yet active"),
        Change(
            text: "access: {tls: {certificate: /c, key: /k, client_ca: /a, client_names: [a.b]}}",
            keys: ["certificate", "key", "client_ca", "client_names"].map { "access.tls.\($0)" },
            meaning: "Access control not yet active"),
        Change(
            text: "access: {allow_anonymous: true}", keys: ["access.allow_anonymous"],
            meaning: "Access control unchanged"),
        Change(
            text: "listen: 127.0.0.1:1\nfrom: unix:/r.sock\nlog: {level: debug, format: json}",
            keys: ["listen", "from", "log.level", "log.format"], meaning: "Some settings unchanged"),
        Change(
            text: "limits: {connections: 77, connections_per_address: 7, requests_per_second: 8}",
            keys: ["connections", "connections_per_address", "requests_per_second"].map { "limits.\($0)" },
            meaning: "Some settings unchanged"),
        Change(text: "listen: 127.0.0.1:1", keys: [], isBound: true),
        Change(text: "access: {token_file: /t}\nlisten: 127.0.0.1:1", keys: [], command: "read"),
        Change(
            text: "log: {level: debug}", keys: ["log.level"], meaning: "Some settings unchanged", command: "read"),
    ]

    @Test("A reload detects the changes that need a restart", arguments: changes)
    func restart(change: Change) throws {
        let folder = try TemporaryFolder()
        func restartOnly(_ text: String) throws -> RestartOnlySettings {
            let path = try folder.write("services: [{name: a, file: /a}]\n" + text, to: "agent.yaml")
            return try AgentConfiguration.reread(
                flags: [change.command, "--config", path], environment: [:], isBound: change.isBound
            ).restartOnly
        }
        let (former, next) = (try restartOnly(""), try restartOnly(change.text))
        #expect((former.pending(in: next)?.keys ?? []) == change.keys)
        #expect((former.pending(in: next)?.meaning ?? "") == change.meaning)
        // A less strict configuration is reported without the alarm.
        #expect((next.pending(in: former)?.keys ?? []) == change.keys)
        #expect(next.pending(in: former)?.meaning != "Access control not yet active")
    }

    @Test("Every key is applied by a reload or needs a restart")
    func everyKey() {
        let reported = Set(Self.changes.flatMap(\.keys))
        let applied: Set = ["services[]", "engines", "allow_plain_engine", "host"]
        for key in ConfigurationKey.all where !reported.contains(key.path) {
            #expect(applied.contains(String(key.path.prefix { $0 != "." })), "\(key.path)")
        }
    }

    @Test("Reader and server can share a file, and each takes its own keys")
    func split() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(
            """
            listen: [127.0.0.1:1]
            from: unix:/run/r.sock
            engines: [unix:/run/e.sock]
            services: [{name: a, compose: a, probe: "http://[::1]/"}]
            """, to: "agent.yaml")
        let all = { (command: [String]) in
            try MergedArguments.all(command + ["--config", path], environment: [:]).dropFirst(command.count + 2)
        }
        let (service, probe, engine) = ("--service=a=compose:a", "--probe=a=http://[::1]/", "--engine=unix:/run/e.sock")
        let (listen, from) = ("--listen=127.0.0.1:1", "--from=unix:/run/r.sock")
        #expect(try all(["serve"]) == [service, listen, from])
        #expect(try all(["read"]) == [service, probe, engine])
        #expect(try all(["print"]) == [service, probe, engine])
        #expect(try all(["check"]) == [service, listen, from])
        let server = try AgentConfiguration.load(flags: ["serve", "--config", path], environment: [:])
        #expect(server.from == "/run/r.sock" && server.evidence.services.map(\.name) == ["a"])
        let reader = try AgentConfiguration.reread(flags: ["read", "--config", path], environment: [:]).evidence
        #expect(reader.services.first?.probe != nil && reader.engines.named == [.unix(path: "/run/e.sock")])
    }

    @Test("Every flag that the environment can set is in the table of keys")
    func table() {
        let flags = Set(ConfigurationKey.all.compactMap(\.flag))
        let elsewhere: Set = ["--config", "--service", "--probe"]
        for flag in ServeCommand.environmentFlags {
            #expect(flags.contains(flag.name) || elsewhere.contains(flag.name), "\(flag.name)")
        }
        #expect(Set(ConfigurationKey.all.map(\.path)).count == ConfigurationKey.all.count)
        for key in ConfigurationKey.all { #expect(ConfigurationKeysPage.text.contains("\(key.path)\n    type: ")) }
        #expect(ConfigurationKeysPage.text.contains("    default: \(ServerLimits.defaultConnections)\n"))
    }

    private static let suggestions: [(String, String?)] = [
        ("servics", "services"), ("Listen", "listen"), ("logs", "log"), ("x", nil), ("", nil), ("engine", "engines"),
        (String(repeating: "listen", count: 100), nil),
    ]

    @Test("The nearest known word is suggested", arguments: suggestions)
    func suggestion(word: String, expected: String?) {
        #expect(Suggestion.nearest(to: word, among: ConfigurationKey.names(below: "")) == expected)
    }
}
