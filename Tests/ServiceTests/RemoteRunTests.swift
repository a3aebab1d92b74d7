import Foundation
import Glibc
import Support
import Synchronization
import Testing

@testable import EndToEndFixtures

/// `verify --server` against a real service.
@Suite("Verify through a service", .timeLimit(.minutes(3)))
struct RemoteRunTests {
    /// A service with one fleet of agents that report the build in a file.
    private struct Setting {
        let folder: TemporaryFolder
        let fleet: FileFleet
        var service: ServedCollector

        static func start(_ hosts: Int, soak: String, timeout: String = "1m") async throws -> Setting {
            let folder = try TemporaryFolder()
            let fleet = try await FileFleet.start(hosts, in: folder)
            let entry = fleet.entry(interval: "500ms", soak: soak).replacing(
                "timeout: 1m", with: "timeout: \(timeout)")
            return Setting(
                folder: folder, fleet: fleet, service: try await ServedCollector.start(fleets: entry, in: folder))
        }

        /// The arguments of `verify --server`.
        ///
        /// - Parameter authority: the service's, or that of a proxy.
        func arguments(_ commit: String = FileFleet.commit, at authority: String? = nil) -> [String] {
            [
                "verify", "--server", "http://\(authority ?? service.authority)", "--server-token-file",
                folder.path("verify.token"), "--service", "canvas", "--environment", "production", "--sha", commit,
                "--progress", "plain",
            ]
        }
    }

    private static func report(_ path: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: path))) as? [String: Any])
    }

    @Test("Progress, reports, outputs, annotations and evidence are those of a local run")
    func same() async throws {
        let setting = try await Setting.start(2, soak: "1s")
        try setting.fleet.serve(FileFleet.other, on: 2)
        var ends: [(exitCode: Int32, report: [String: Any], outputs: [String: String])] = []
        for isRemote in [false, true] {
            let step = try PipelineStep()
            let local = [
                "verify", "--fleet", setting.folder.path("fleet.yaml"), "--store", "none", "--service", "canvas",
                "--environment", "production", "--sha", FileFleet.commit, "--timeout", "4s", "--interval", "500ms",
                "--soak", "1s", "--progress", "plain",
            ]
            let arguments = isRemote ? setting.arguments() + ["--timeout", "4s"] : local
            let outcome = try await step.run(
                arguments + ["--report", "json=\(step.folder.path("report.json"))"]
                    + ["--report", "evidence=\(step.folder.path("evidence.ndjson"))"])
            #expect(outcome.error.contains("::group::Verifying aaaaaaaa"), "\(outcome.error)")
            #expect(outcome.error.contains("host-2"), "\(outcome.error)")
            #expect(outcome.error.contains("::error title=host-2"), "\(outcome.error)")
            #expect(outcome.output.contains("host-2"), "\(outcome.output)")
            #expect(try step.folder.read("summary").contains("host-2"))
            let replay = try await Program.collector().run(["replay", step.folder.path("evidence.ndjson")])
            #expect(replay.exitCode == outcome.exitCode, "\(replay.output)\(replay.error)")
            ends.append(
                (outcome.exitCode, try Self.report(step.folder.path("report.json")), try step.outputs()))
        }
        #expect(ends[0].exitCode == 10)
        #expect(ends[1].exitCode == 10)
        for key in ["verdict", "exit_code"] {
            #expect("\(ends[0].report[key] ?? "-")" == "\(ends[1].report[key] ?? "+")", "\(key)")
        }
        func statuses(_ report: [String: Any]) -> [String] {
            (report["hosts"] as? [[String: Any]] ?? []).map { "\($0["name"] ?? "") \($0["status"] ?? "")" }
        }
        #expect(statuses(ends[0].report) == statuses(ends[1].report))
        #expect(statuses(ends[0].report).count == 2)
        var outputs = ends.map(\.outputs)
        for index in outputs.indices { #expect(outputs[index].removeValue(forKey: "verification") != nil) }
        #expect(outputs[0] == outputs[1])
        // The copy of the evidence is the service's.
        let id = try #require((ends[1].report["verification"] as? [String: Any])?["id"] as? String)
        let theirs = try setting.service.object("/api/v1/verifications/\(id)")["report"] as? [String: Any]
        let hashes = [theirs, ends[1].report].map { ($0?["evidence"] as? [String: Any])?["hash"] as? String }
        #expect(hashes[0] != nil && hashes[0] == hashes[1])
    }

    @Test("Two clients with the key of one run join one verification, and a later run starts a new one")
    func joined() async throws {
        let setting = try await Setting.start(1, soak: "3s", timeout: "10s")
        let run = ["GITHUB_RUN_ID": "42", "GITHUB_REPOSITORY": "team/canvas", "GITHUB_JOB": "deploy"]
        let environments = [run, run, run.merging(["GITHUB_JOB": "other"]) { $1 }]
        let programs = try environments.enumerated().map { index, environment in
            try Program.collector().start(
                setting.arguments() + ["--report", "json=\(setting.folder.path("\(index).json"))"],
                environment: environment)
        }
        var ids: [String] = []
        for (index, program) in programs.enumerated() {
            let outcome = try await program.wait()
            #expect(outcome.exitCode == 0, "\(outcome.error)")
            let report = try Self.report(setting.folder.path("\(index).json"))
            ids.append(try #require((report["verification"] as? [String: Any])?["id"] as? String))
        }
        #expect(ids[0] == ids[1])
        #expect(ids[0] != ids[2])
        // What was green then says nothing about now.
        try setting.fleet.serve(FileFleet.other, on: 1)
        let later = try await Program.collector().run(setting.arguments(), environment: run)
        #expect(later.exitCode == 10, "\(later.error)")
    }

    @Test(
        "A signal interrupts the verification at the service, too",
        arguments: [(SIGINT, 130), (SIGTERM, 143), (SIGHUP, 129)] as [(Int32, Int32)])
    func interrupted(_ signal: Int32, _ exitCode: Int32) async throws {
        let setting = try await Setting.start(1, soak: "30s")
        let path = setting.folder.path("report.json")
        let program = try Program.collector().start(setting.arguments() + ["--report", "json=\(path)"])
        try await eventually("the host soaks", detail: { program.error }) { program.error.contains("soaking") }
        program.signal(signal)
        let outcome = try await program.wait()
        #expect(outcome.exitCode == exitCode, "\(outcome.error)")
        let report = try Self.report(path)
        #expect(report["verdict"] as? String == "interrupted")
        let warnings = try #require(report["warnings"] as? [String])
        #expect(warnings.contains { $0.contains("was interrupted at http://") }, "\(warnings)")
        let id = try #require((report["verification"] as? [String: Any])?["id"] as? String)
        let theirs = try setting.service.object("/api/v1/verifications/\(id)", headers: [("Prefer", "wait=5")])
        #expect((theirs["report"] as? [String: Any])?["verdict"] as? String == "interrupted")
        #expect((theirs["report"] as? [String: Any])?["exit_code"] as? Int == Int(exitCode))
    }

    @Test("A signal ends the run although the service does not answer, and says so")
    func interruptedWithoutAnswer() async throws {
        let setting = try await Setting.start(1, soak: "30s")
        let path = setting.folder.path("report.json")
        let program = try Program.collector().start(setting.arguments() + ["--report", "json=\(path)"])
        try await eventually("the host soaks", detail: { program.error }) { program.error.contains("soaking") }
        setting.service.program.signal(SIGSTOP)
        program.signal(SIGTERM)
        let outcome = try await program.wait(within: .seconds(10))
        setting.service.program.signal(SIGCONT)
        #expect(outcome.exitCode == 143, "\(outcome.error)")
        let warnings = try #require(try Self.report(path)["warnings"] as? [String])
        #expect(warnings.contains { $0.contains("did not confirm the interruption") }, "\(warnings)")
    }

    @Test("A service that is killed and starts again leaves the run interrupted, never green")
    func killed() async throws {
        var setting = try await Setting.start(1, soak: "30s")
        let path = setting.folder.path("report.json")
        let program = try Program.collector().start(setting.arguments() + ["--report", "json=\(path)"])
        try await eventually("the host soaks", detail: { program.error }) { program.error.contains("soaking") }
        setting.service.program.kill()
        _ = try await setting.service.program.wait()
        setting.service = try await ServedCollector.start(
            fleets: setting.fleet.entry(interval: "500ms", soak: "30s"), listen: setting.service.authority,
            in: setting.folder)
        let outcome = try await program.wait()
        #expect(outcome.exitCode == 130, "\(outcome.error)")
        let report = try Self.report(path)
        #expect(report["verdict"] as? String == "interrupted")
        let warnings = try #require(report["warnings"] as? [String])
        #expect(warnings.contains { $0.contains("was interrupted at the service") }, "\(warnings)")
    }

    /// The service's answer to a request, for proxies.
    ///
    /// - Parameters:
    ///   - change: changes the text of the answer.
    ///   - asking: changes the text of the request.
    static func forwarded(
        _ request: ScriptedHostRequest, to service: String, at target: String? = nil,
        _ change: (String) -> String = { $0 }, asking: (String) -> String = { $0 }
    ) -> ScriptedHostAnswer {
        var forwarded = LoopbackRequest(request.method, service, target ?? request.target)
        // Without holds, this thread is never blocked for long.
        forwarded.headers = request.headers.filter {
            ["authorization", "idempotency-key", "content-type", "accept"].contains($0.name)
        }
        forwarded.body = Array(asking(String(decoding: request.body, as: UTF8.self)).utf8)
        guard let answer = forwarded.answer() else { return .reset }
        return .answer(
            status: answer.status,
            headers: answer.headers.filter { $0.key != "content-length" && $0.key != "connection" }.map {
                (name: $0.key, value: $0.value)
            }, body: Array(change(answer.text).utf8))
    }

    @Test(
        "A report that does not follow from the evidence, and evidence that was changed, are never green",
        arguments: [
            (#""verdict" : "converged""#, #""verdict" : "stragglers""#),
            (#""exit_code" : 0"#, #""exit_code" : 10"#), (#""hash" : "sha256:"#, #""hash" : "sha256:0"#),
            (#""state":"serving""#, #""state":"starting""#), (#""kind":"verdict""#, #""kind":"time""#),
        ])
    func forged(_ original: String, _ forgery: String) async throws {
        let setting = try await Setting.start(1, soak: "1s")
        let service = setting.service.authority
        let count = Mutex(0)
        let proxy = try await ScriptedHost.start(address: "127.0.0.1") { request in
            Self.forwarded(request, to: service) { text in
                if text.contains(original) { count.withLock { $0 += 1 } }
                return text.replacing(original, with: forgery)
            }
        }
        let outcome = try await Program.collector().run(setting.arguments(at: "127.0.0.1:\(proxy.port)"))
        await proxy.stop()
        #expect(count.withLock { $0 } > 0, "nothing was changed")
        #expect(outcome.exitCode == 69, "\(outcome.error)")
        #expect(outcome.error.contains("cannot be trusted"), "\(outcome.error)")
    }

    @Test("The green evidence of another verification is never green for this one")
    func mistaken() async throws {
        let setting = try await Setting.start(1, soak: "1s")
        let green = try await setting.service.verified(FileFleet.commit, key: "before")
        let theirs = try #require(green["id"] as? String)
        let service = setting.service.authority
        let ours = Mutex("")
        // A cache that confuses two addresses.
        let proxy = try await ScriptedHost.start(address: "127.0.0.1") { request in
            let id = ours.withLock { $0 }
            guard request.method == "GET", !id.isEmpty else {
                return Self.forwarded(request, to: service) { text in
                    if let id = text.firstMatch(of: /"id" ?: ?"([^"]+)"/)?.1 { ours.withLock { $0 = String(id) } }
                    return text
                }
            }
            return Self.forwarded(request, to: service, at: request.target.replacing(id, with: theirs)) { text in
                request.target.contains("evidence") ? text : text.replacing(theirs, with: id)
            }
        }
        let outcome = try await Program.collector().run(
            setting.arguments(FileFleet.other, at: "127.0.0.1:\(proxy.port)"))
        await proxy.stop()
        #expect(outcome.exitCode == 69, "\(outcome.error)")
        #expect(outcome.error.contains("of another verification"), "\(outcome.error)")
    }

    @Test("Connections that break and answers of a proxy in between change nothing")
    func proxied() async throws {
        let setting = try await Setting.start(2, soak: "2s")
        let service = setting.service.authority
        let count = Mutex(0)
        let faults: [ScriptedHostAnswer?] = [
            nil, .reset, nil, .status(502, "<html>Bad Gateway</html>"), .close, nil,
            .answer(status: 200, headers: [("Content-Type", "text/html")], body: Array("<html>log in</html>".utf8)),
            .json(#"{"status": "ok"}"#), nil, .status(503), .garbage,
            .closeEarly(status: 200, body: Array("{\"kind\":\"st".utf8), missing: 400), .status(504),
        ]
        let proxy = try await ScriptedHost.start(address: "127.0.0.1") { request in
            let number = count.withLock { count in
                count += 1
                return count - 1
            }
            if let fault = faults[number % faults.count] { return fault }
            return Self.forwarded(request, to: service)
        }
        let outcome = try await Program.collector().run(setting.arguments(at: "127.0.0.1:\(proxy.port)"))
        await proxy.stop()
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        #expect(outcome.output.contains("host-2"))
        #expect(count.withLock { $0 } > faults.count)
    }

    @Test("A start whose answer is lost is found again, and nothing is verified twice")
    func lostStart() async throws {
        let setting = try await Setting.start(1, soak: "2s")
        let service = setting.service.authority
        let lost: [ScriptedHostAnswer] = [.reset, .status(502, "<html>Bad Gateway</html>"), .close]
        let count = Mutex(0)
        let proxy = try await ScriptedHost.start(address: "127.0.0.1") { request in
            let answer = Self.forwarded(request, to: service)
            guard request.method == "POST" else { return answer }
            let number = count.withLock { count in
                count += 1
                return count
            }
            return number > lost.count ? answer : lost[number - 1]
        }
        let outcome = try await Program.collector().run(setting.arguments(at: "127.0.0.1:\(proxy.port)"))
        await proxy.stop()
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        #expect(count.withLock { $0 } == lost.count + 1)
        #expect(try setting.service.answer("GET", "/metrics").text.contains("verdict=\"converged\"} 1"))
    }

    @Test(
        "What is no answer of a collector service is never green, and ends with 69 or 64",
        arguments: [
            (ScriptedHostAnswer.json(#"{"status": "ok", "verdict": "converged", "exit_code": 0}"#), 69, "--server"),
            (.json(#"{"id": "../../x", "state": "finished", "url": "/x"}"#), 69, "--server"),
            (.json(#"{"id": "x", "state": "finished", "url": "/x"}"#), 69, "--server"),
            (.json("{"), 69, "--server"), (.json("[]"), 69, "--server"),
            (
                .answer(status: 200, headers: [("Content-Type", "text/html")], body: Array("<html>Log in".utf8)), 69,
                "login page"
            ),
            (.redirect(to: "https://login.example/"), 69, "redirects to https://login.example/"),
            (.status(404, "not found"), 69, "without the API"), (.status(401), 69, "--server-token-file"),
            (.status(403), 69, "--server-token-file"),
            (
                .answer(
                    status: 404, headers: [("Content-Type", "application/problem+json")],
                    body: Array(#"{"detail": "no fleet 'canvas'", "remedy": "look at /api/v1/fleets"}"#.utf8)), 64,
                "no fleet 'canvas': look at /api/v1/fleets"
            ),
            (
                .answer(
                    status: 422, headers: [("Content-Type", "application/problem+json")],
                    body: Array(#"{"detail": "policy is laxer", "remedy": "omit it"}"#.utf8)), 64, "policy is laxer"
            ),
        ] as [(ScriptedHostAnswer, Int32, String)])
    func foreign(_ answer: ScriptedHostAnswer, _ exitCode: Int32, _ message: String) async throws {
        let folder = try TemporaryFolder()
        let server = try await ScriptedHost.start(address: "127.0.0.1") { _ in answer }
        let token = "secret-token-0123456789"
        let outcome = try await Program.collector().run([
            "verify", "--server", "http://127.0.0.1:\(server.port)", "--server-token-file",
            try folder.write("token", token), "--service", "canvas", "--sha", FileFleet.commit,
        ])
        await server.stop()
        #expect(outcome.exitCode == exitCode, "\(outcome.error)")
        #expect(outcome.error.contains(message), "\(outcome.error)")
        #expect(!(outcome.error + outcome.output).contains(token))
    }

    @Test("Problems of the real service are shown in its words")
    func problems() async throws {
        let setting = try await Setting.start(1, soak: "1s")
        var arguments = setting.arguments()
        let wrong = try await Program.collector().run(
            arguments.map { $0 == setting.folder.path("verify.token") ? setting.folder.path("read.token") : $0 })
        #expect(wrong.exitCode == 69 && wrong.error.contains("scope 'verify'"), "\(wrong.error)")
        let laxer = try await Program.collector().run(arguments + ["--max-failed", "1"])
        #expect(laxer.exitCode == 64 && laxer.error.contains("laxer"), "\(laxer.error)")
        arguments = arguments.map { $0 == "production" ? "staging" : $0 }
        let unknown = try await Program.collector().run(arguments)
        #expect(unknown.exitCode == 64 && unknown.error.contains("staging"), "\(unknown.error)")
    }

    @Test("The identity token of the run is asked for with the audience, and sent")
    func identity() async throws {
        let seen = Mutex<[String]>([])
        let claims = Data(#"{"exp": 4102444800}"#.utf8).base64EncodedString().replacing("=", with: "")
        let token = "e30.\(claims).c2ln"
        let server = try await ScriptedHost.start(address: "127.0.0.1") { request in
            let count = seen.withLock { seen in
                seen.append("\(request.target) \(request.header("authorization") ?? "-")")
                return seen.count
            }
            // Runners fail to give a token now and then.
            guard count > 1 else { return .status(503) }
            return request.path == "/token"
                ? .json(#"{"count": 1, "value": "\#(token)"}"#) : .json(#"{"not": "ours"}"#)
        }
        let outcome = try await Program.collector().run(
            [
                "verify", "--server", "http://127.0.0.1:\(server.port)", "--service", "canvas", "--sha",
                FileFleet.commit,
            ],
            environment: [
                "ACTIONS_ID_TOKEN_REQUEST_URL": "http://127.0.0.1:\(server.port)/token?v=2",
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "runner-secret",
            ])
        await server.stop()
        #expect(outcome.exitCode == 69)
        #expect(
            seen.withLock { $0 } == [
                "/token?v=2&audience=buildinfo Bearer runner-secret",
                "/token?v=2&audience=buildinfo Bearer runner-secret", "/api/v1/verifications Bearer \(token)",
            ])
        #expect(!outcome.error.contains("runner-secret") && !outcome.error.contains(claims))
    }

    @Test(
        "Options of a local verification are refused with a remedy",
        arguments: [
            ["--fleet", "fleet.yaml"], ["--host", "a"], ["--select", "a=b"], ["--port", "1"], ["--token-file", "t"],
            ["--ca", "c"], ["--cert", "c"], ["--concurrency", "3"], ["--store", "l.db"], ["--generation", "1"],
            ["--allow-empty"],
        ])
    func refused(_ options: [String]) async throws {
        let outcome = try await Program.collector().run(
            ["verify", "--server", "http://127.0.0.1:1", "--service", "canvas", "--sha", FileFleet.commit] + options)
        #expect(outcome.exitCode == 64, "\(outcome.error)")
        #expect(outcome.error.contains(options[0]) && outcome.error.contains("with --server"), "\(outcome.error)")
    }

    @Test(
        "An address that is not a service's is refused",
        arguments: [
            "http://deploys.example", "deploys.example", "https://user:secret@deploys.example", "https://",
            "https://deploys.example/?x=1", "ftp://deploys.example",
        ])
    func address(_ text: String) async throws {
        let outcome = try await Program.collector().run(
            ["verify", "--server", text, "--service", "canvas", "--sha", FileFleet.commit])
        #expect(outcome.exitCode == 64, "\(outcome.error)")
        #expect(!outcome.error.contains("secret"), "\(outcome.error)")
    }
}
