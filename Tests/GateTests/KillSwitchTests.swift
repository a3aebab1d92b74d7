import ArgumentParser
import Foundation
import Glibc
import Shared
import Support
import Synchronization
import Testing

@testable import Collector
@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Gate
@testable import Transfer

@Suite("Gate: the kill switch", .timeLimit(.minutes(2)))
struct KillSwitchTests {
    private static let offWords = ["", "0", "false", "no", "off", " \t\n", "FALSE", " Off\n", "No"]
    private static let onWords = ["1", "true", "yes", "on", "disabled", "00", "false!", "n", "null", "off off", "2"]

    /// The reading of a switch that needs no forge.
    private func read(_ source: KillSwitchSource, environment: [String: String] = [:]) async throws
        -> KillSwitch.Reading
    {
        let web = try WebClient()
        let reading = await KillSwitch(sources: [source], environment: environment, web: web).read(before: .amply)
        await web.close()
        return reading
    }

    @Test("Only the known words are off")
    func words() {
        for word in Self.offWords { #expect(KillSwitchValue.isOff(word), "'\(word)'") }
        for word in Self.onWords { #expect(!KillSwitchValue.isOff(word), "'\(word)'") }
    }

    @Test(
        "Only ASCII whitespace is ignored; other invisible characters hold",
        arguments: [
            "\u{A0}", " \u{A0}\n", "\u{2003}0", "off\u{3000}", "\u{85}", "\u{FEFF}", "\u{200B}", "\0", "0\u{A0}",
        ])
    func foreignBlanks(word: String) async throws {
        #expect(!KillSwitchValue.isOff(word))
        let reading = try await read(.environment(name: "X"), environment: ["X": word])
        guard case .on = reading else {
            Issue.record("\(reading)")
            return
        }
    }

    @Test("An environment variable is off if unset or one of the words; any other value holds")
    func environment() async throws {
        let source = KillSwitchSource.standard
        #expect(source == .environment(name: "PROD_AUTO_DEPLOY_DISABLED"))
        #expect(try await read(source) == .off)
        for word in Self.offWords {
            #expect(try await read(source, environment: ["PROD_AUTO_DEPLOY_DISABLED": word]) == .off)
        }
        for word in Self.onWords {
            let reading = try await read(source, environment: ["PROD_AUTO_DEPLOY_DISABLED": word])
            #expect(reading == .on("env:PROD_AUTO_DEPLOY_DISABLED is '\(word)'"))
        }
    }

    @Test("A value that may be a secret is not shown")
    func secret() async throws {
        let reading = try await read(
            .environment(name: "X"), environment: ["X": "ghp_0123456789abcdefghij0123456789abcdef"])
        #expect(reading == .on("env:X is a text of 40 bytes"))
    }

    @Test("A file is off if absent in an existing folder, and is read again each time")
    func file() async throws {
        let folder = try TemporaryFolder()
        let source = KillSwitchSource.file(path: folder.path("stop"))
        #expect(try await read(source) == .off)
        for word in Self.offWords {
            try folder.write("stop", word)
            #expect(try await read(source) == .off)
        }
        for word in Self.onWords {
            try folder.write("stop", word)
            #expect(try await read(source) == .on("\(source) is '\(word)'"))
        }
    }

    @Test("A file that cannot be read holds")
    func unreadableFile() async throws {
        let folder = try TemporaryFolder()
        _ = try folder.makeFolder("folder")
        try folder.write("huge", String(repeating: " ", count: KillSwitchFile.limit + 1))
        try Data([0xFF, 0xFE]).write(to: URL(fileURLWithPath: folder.path("binary")))
        #expect(symlink("/nonexistent/target", folder.path("dangling")) == 0)
        #expect(symlink("loop", folder.path("loop")) == 0)
        #expect(mkfifo(folder.path("pipe"), 0o600) == 0)
        try folder.write("file", "off")
        let names = ["folder", "huge", "binary", "dangling", "loop", "pipe", "file/below", "absent/below"]
        for name in names + ["folder/../absent/x/y"] {
            let reading = try await read(.file(path: folder.path(name)))
            guard case .unreadable = reading else {
                Issue.record("\(name) is \(reading)")
                continue
            }
        }
        #expect(KillSwitchFile.read("nonexistent-\(getpid())") == .absent)
    }

    @Test("A URL is off only with status 200 and one of the words")
    func url() async throws {
        let answer = Mutex(ScriptedHostAnswer.hang)
        try await FakeForge.run(.gitea) { _, _ in
            answer.withLock(\.self)
        } _: { fake async throws in
            let source = try KillSwitchSource(parsing: fake.host.url(host: 0, "/switch?key=secret"))
            func read(_ next: ScriptedHostAnswer, within limit: Duration = .seconds(60)) async throws
                -> KillSwitch.Reading
            {
                answer.withLock { $0 = next }
                return try await fake.killSwitch(source).read(before: .now + limit)
            }
            func text(_ text: String, _ type: String = "text/plain", status: Int = 200) -> ScriptedHostAnswer {
                .answer(status: status, headers: [("Content-Type", type)], body: Array(text.utf8))
            }
            for word in Self.offWords { #expect(try await read(text(word)) == .off) }
            for word in Self.onWords {
                guard case .on(let why) = try await read(text(word)) else {
                    Issue.record("\(word) is not on")
                    continue
                }
                #expect(!why.contains("secret"))
            }
            let unreadable: [ScriptedHostAnswer] = [
                text("off", "text/html; charset=utf-8"), text("off", status: 404), text("off", status: 500),
                text("off", status: 401), text("off", status: 403), text("off", status: 203), .status(204),
                .redirect(to: fake.host.url(host: 3, "/off")), .reset, .hang, .garbage, .flood(chunked: true),
                .drip(body: Array("off".utf8) + Array(repeating: 0x20, count: 900)),
                text(String(repeating: " ", count: 5_000)),
                .answer(status: 200, headers: [("Content-Type", "text/plain")], body: [0xFF]),
            ]
            for (index, answer) in unreadable.enumerated() {
                guard case .unreadable(let why) = try await read(answer, within: .seconds(2)) else {
                    Issue.record("answer \(index) is read")
                    continue
                }
                #expect(!why.contains("secret"))
            }
            #expect(fake.requests.allSatisfy { $0.header("authorization") == nil })
        }
    }

    @Test(
        "An Actions variable is off by its value, or by a 404 if the token can read the repository",
        arguments: ForgeKind.allCases)
    func variable(kind: ForgeKind) async throws {
        let value = Mutex<String?>(nil)
        try await FakeForge.run(kind) { request, _ in
            var (gitea, github) = (GiteaAnswers(), GitHubAnswers())
            if let value = value.withLock(\.self) {
                gitea.variables["STOP"] = value
                github.variables["STOP"] = value
            }
            return kind == .gitea ? gitea.answer(request) : github.answer(request)
        } _: { fake async throws in
            let source = KillSwitchSource.variable(name: "STOP", owner: .repository, of: kind)
            let killSwitch = try fake.killSwitch(source)
            #expect(await killSwitch.read(before: .amply) == .off)
            #expect(fake.targets.count == 2)
            value.withLock { $0 = "true" }
            #expect(await killSwitch.read(before: .amply) == .on("\(source) is 'true'"))
            value.withLock { $0 = "false" }
            #expect(await killSwitch.read(before: .amply) == .off)
            // Without a token no request is sent.
            let asked = fake.targets.count
            guard case .unreadable(let why) = try await fake.killSwitch(source, token: nil).read(before: .amply) else {
                Issue.record("read without a token")
                return
            }
            #expect(why.contains("without a token"))
            #expect(fake.targets.count == asked)
        }
    }

    @Test("A variable that cannot be read holds", arguments: ForgeKind.allCases)
    func unreadableVariable(kind: ForgeKind) async throws {
        func json(_ status: Int, _ body: String = "{}") -> ScriptedHostAnswer {
            .answer(status: status, headers: [("Content-Type", "application/json")], body: Array(body.utf8))
        }
        let html = ScriptedHostAnswer.answer(
            status: 404, headers: [("Content-Type", "text/html")], body: Array("<html>".utf8))
        // The responses for the variable and for the repository.
        let answers: [(ScriptedHostAnswer, ScriptedHostAnswer)] = [
            (json(401), json(200)), (json(403), json(200)), (json(500), json(200)), (.status(502), json(200)),
            (json(429), json(200)), (html, json(200)), (.status(404, "404 page not found"), json(200)),
            (.hang, json(200)), (.reset, json(200)), (.redirect(to: "/elsewhere"), json(200)),
            (json(200, "[]"), json(200)), (json(200), json(200)),
            (json(404), json(404)), (json(404), json(401)), (json(404), json(403)), (json(404), json(503)),
            (json(404), .hang), (json(404), html), (json(404), json(200, "[]")),
            (json(404), .answer(status: 200, headers: [("Content-Type", "text/html")], body: Array("{}".utf8))),
        ]
        let current = Mutex(0)
        try await FakeForge.run(kind) { request, _ in
            let (variable, repository) = answers[current.withLock(\.self)]
            return request.path.contains("/actions/variables/") ? variable : repository
        } _: { fake async throws in
            for index in answers.indices {
                current.withLock { $0 = index }
                let source = KillSwitchSource.variable(name: "STOP", owner: .repository, of: kind)
                let reading = try await fake.killSwitch(source).read(before: .now + .seconds(2))
                guard case .unreadable(let why) = reading else {
                    Issue.record("pair \(index) is \(reading)")
                    continue
                }
                #expect(why.hasPrefix("\(source) cannot be checked ("))
                #expect(!why.contains(FakeForge.token))
            }
        }
    }

    @Test("On GitHub a 404 proves nothing if the token can only read the repository")
    func collaborators() async throws {
        var github = GitHubAnswers()
        github.mayPush = false
        let answers = github
        try await FakeForge.run(.github) { request, _ in
            answers.answer(request)
        } _: { fake async throws in
            let source = KillSwitchSource.variable(name: "STOP", owner: .repository, of: .github)
            guard case .unreadable = try await fake.killSwitch(source).read(before: .amply) else {
                Issue.record("read")
                return
            }
        }
    }

    @Test("An organisation's variable is read from the organisation")
    func organisation() async throws {
        try await FakeForge.run(.gitea) { request, _ in
            switch request.path {
            case "/api/v1/orgs/acme/actions/variables/STOP": .json(#"{"name":"STOP","data":"1"}"#)
            default: GiteaAnswers.notFound
            }
        } _: { fake async throws in
            let source = KillSwitchSource.variable(name: "STOP", owner: .organisation, of: .gitea)
            #expect(try await fake.killSwitch(source).read(before: .amply) == .on("gitea-org-variable:STOP is '1'"))
            let other = KillSwitchSource.variable(name: "OTHER", owner: .organisation, of: .gitea)
            guard case .unreadable = try await fake.killSwitch(other).read(before: .amply) else {
                Issue.record("a 404 for a user instead of an organisation is off")
                return
            }
        }
    }

    @Test("Every source must be off and is read each time; a hold is 41 and names the source")
    func together() async throws {
        let folder = try TemporaryFolder()
        try await FakeForge.run(.gitea) { _, _ in
            .hang
        } _: { fake async throws in
            let path = folder.path("stop")
            let killSwitch = try fake.killSwitch(.environment(name: "X"), .file(path: path), environment: ["X": "0"])
            try await killSwitch.requireOff(before: .amply)
            try folder.write("stop", "yes")
            let held = await #expect(throws: GateError.self) { try await killSwitch.requireOff(before: .amply) }
            #expect(held?.exitCode == 41)
            #expect(held?.description == "promotion held: the kill switch is on: file:\(path) is 'yes'")
            try folder.write("stop", "no")
            try await killSwitch.requireOff(before: .amply)
            let gone = try fake.killSwitch(.file(path: folder.path("a/b")))
            let unread = await #expect(throws: GateError.self) { try await gone.requireOff(before: .amply) }
            #expect(unread?.exitCode == 41)
            #expect(unread?.description.contains("promotion held: the kill switch file:") == true)
            // Without remaining time, the switch is not read.
            let late = try fake.killSwitch(.variable(name: "X", owner: .repository, of: .gitea))
            await #expect(throws: GateError.self) { try await late.requireOff(before: .now) }
        }
    }

    @Test(
        "A source is parsed, or rejected with the remedy",
        arguments: [
            ("env:X", KillSwitchSource.environment(name: "X")), ("file:/a:b", .file(path: "/a:b")),
            ("https://a.example/x", .url("https://a.example/x")), ("http://127.0.0.1:1/", .url("http://127.0.0.1:1/")),
            ("gitea-variable:A_1", .variable(name: "A_1", owner: .repository, of: .gitea)),
            ("github-variable:A", .variable(name: "A", owner: .repository, of: .github)),
            ("github-org-variable:A", .variable(name: "A", owner: .organisation, of: .github)),
            ("env:", nil), ("env:A=B", nil), ("file:", nil), ("", nil), ("X", nil), ("http://a.example/", nil),
            ("https://user:pw@a.example/", nil), ("gitea-variable:", nil), ("gitea-variable:a/b", nil),
            ("gitea-variable:1A", nil), ("gitea-variable:a-b", nil), ("ftp://a/", nil), ("env", nil),
        ])
    func parsing(text: String, source: KillSwitchSource?) {
        do {
            let read = try KillSwitchOptions.parse(["--kill-switch", text]).sources()
            #expect(read == source.map { [$0] })
        } catch {
            #expect(source == nil, "\(error)")
            #expect(!KillSwitchOptions.message(for: error).contains("user:pw@"))
        }
    }

    @Test("By default the environment's variable is read; another forge's variable is a usage error")
    func options() async throws {
        try await FakeForge.run(.gitea) { _, _ in
            .hang
        } _: { fake async throws in
            let forge = try fake.forge()
            let web = try WebClient()
            let standard = try KillSwitchOptions.parse([])
                .killSwitch(promoting: "canvas", environment: [:], web: web) { throw UsageError("not needed") }
            #expect(standard.sources == [.standard])
            let production = try KillSwitchOptions.parse([])
                .killSwitch(
                    promoting: .canvas(in: "eu-west.1"),
                    environment: ["EU_WEST_1_AUTO_DEPLOY_DISABLED": "1"], web: web
                ) { throw UsageError("not needed") }
            #expect(production.sources == [.standard, .environment(name: "EU_WEST_1_AUTO_DEPLOY_DISABLED")])
            let held = await #expect(throws: GateError.self) { try await production.requireOff(before: .amply) }
            #expect(
                held?.description
                    == "promotion of canvas to eu-west.1 held: the kill switch is on: "
                    + "env:EU_WEST_1_AUTO_DEPLOY_DISABLED is '1'")
            #expect(
                try KillSwitchOptions.parse([])
                    .killSwitch(promoting: nil, environment: [:], web: web) { forge }.sources.isEmpty)
            #expect(throws: UsageError.self) {
                try KillSwitchOptions.parse(["--kill-switch", "github-variable:X"])
                    .killSwitch(promoting: "canvas", environment: [:], web: web) { forge }
            }
            let own = try KillSwitchOptions.parse(["--kill-switch", "gitea-variable:X"])
                .killSwitch(promoting: "canvas", environment: [:], web: web) { forge }
            #expect(own.forge != nil)
            await web.close()
        }
    }
}
