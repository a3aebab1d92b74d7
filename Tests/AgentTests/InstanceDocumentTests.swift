import FoundationEssentials
import Shared
import Support
import Testing

@testable import Agent
@testable import AgentCore

/// Documents with instances, left-out containers and missing instances.
@Suite struct InstanceDocumentTests {
    private func container(
        _ name: String, created: Int = 1, project: String? = "shop", number: String = "1", oneOff: Bool = false,
        status: String = "running"
    ) throws -> ContainerFacts {
        var facts = try Samples.facts(name: name)
        facts.id = "id-of-\(name)"
        facts.createdAt = EngineTime(unixSeconds: Int64(created))
        facts.state.status = status
        facts.state.running = status == "running"
        facts.state.exitCode = status == "exited" ? 3 : 0
        var labels = [
            "com.docker.compose.service": "canvas", "com.docker.compose.container-number": number,
            "com.docker.compose.oneoff": oneOff ? "True" : "False",
        ]
        labels["com.docker.compose.project"] = project
        facts.origin = ContainerOrigin(labels: labels, name: name)
        return facts
    }

    private func content(
        _ containers: [ContainerFacts], _ service: String = "canvas=compose:canvas"
    ) throws -> DocumentContent {
        DocumentBuilder(host: Samples.host).content(
            for: try Samples.service(service), scans: [.success(Samples.snapshot(containers))])
    }

    @Test("Field 3: a service in two projects is unknown, and the reason names both and the remedy")
    func ambiguous() throws {
        let two = [try container("a"), try container("b", project: "shop-staging")]
        let content = try content(two)
        #expect(content.state == .unknown)
        #expect(content.gitSHA == nil)
        #expect(content.digest == nil)
        #expect(content.instances.map(\.project) == ["shop", "shop-staging"])
        #expect(
            content.reason
                == "compose:canvas matches containers of 2 projects (shop, shop-staging): "
                + "select one, for example with compose:shop/canvas")
        #expect(try self.content([two[0]]).state == .serving)
        #expect(try self.content([two[0]], "canvas=compose:shop/canvas").instances.first?.project == "shop")
    }

    @Test("Field 3: projects on several engines are ambiguous like those on one")
    func ambiguousEngines() throws {
        let scans = [try container("a"), try container("b", project: "other")].map {
            Result<EngineSnapshot, EngineFailure>.success(Samples.snapshot([$0]))
        }
        let content = DocumentBuilder(host: Samples.host).content(for: Samples.canvas, scans: scans)
        #expect(content.state == .unknown)
        #expect(content.reason?.contains("(other, shop)") == true)
    }

    @Test("Field 3: the first of many projects are named")
    func manyProjects() throws {
        let content = try content(
            try (1...9).map { try container("a\($0)", project: "project-\($0)\(String(repeating: "x", count: 300))") })
        #expect(content.state == .unknown)
        #expect(content.reason?.contains("of 9 projects") == true)
        #expect(content.reason?.contains("and 5 more") == true)
        #expect(content.reason?.contains("compose:project-1") == true)
        #expect((content.reason?.unicodeScalars.count ?? 0) <= 512)
    }

    @Test("Field 4: a one-off alone is not an instance, and the reason names it")
    func oneOffAlone() throws {
        let content = try content([try container("shop-canvas-run-9f", oneOff: true)])
        #expect(content.state == .absent)
        #expect(content.gitSHA == nil)
        #expect(content.instances.isEmpty)
        #expect(
            content.reason
                == "every matching container is left out: shop-canvas-run-9f (started for one command)")
        #expect(content.leftOut.map(\.reason) == [.oneOff])
        #expect(content.leftOut.first?.project == "shop")
    }

    @Test("Field 4: a one-off beside a serving container is listed, and does not affect the service")
    func oneOffBeside() throws {
        let content = try content([try container("canvas-1"), try container("run", oneOff: true, status: "exited")])
        #expect(content.state == .serving)
        #expect(content.gitSHA?.hex == Samples.sha)
        #expect(content.reason == nil)
        #expect(
            content.leftOut == [
                LeftOutContainer(
                    id: "id-of-run", name: "run", project: "shop", reason: .oneOff, state: .exited, exitCode: 3,
                    restartCount: 0)
            ])
    }

    @Test("Field 7: a replaced container is listed by name, and does not affect the service")
    func replaced() throws {
        let content = try content([
            try container("9c1b31a84123_canvas-1", status: "exited"), try container("canvas-1", created: 2),
        ])
        #expect(content.state == .serving)
        #expect(content.instances.map(\.name) == ["canvas-1"])
        #expect(content.leftOut.map(\.name) == ["9c1b31a84123_canvas-1"])
        #expect(content.leftOut.first?.reason == .replaced)
    }

    @Test("The list of left-out containers is limited as the contract requires")
    func manyLeftOver() throws {
        var containers = try (1...70).map { try container("old-\($0)", created: $0, status: "exited") }
        containers.append(try container("new", created: 99))
        let content = try content(containers)
        #expect(content.state == .serving)
        #expect(content.leftOut.count == 64)
    }

    @Test(
        "Field 22: fewer instances than declared are not serving, and the reason counts them",
        arguments: [(1, 3), (2, 3)])
    func fewer(count: Int, expected: Int) throws {
        let containers = try (1...count).map { try container("canvas-\($0)", number: "\($0)") }
        let content = try content(containers, "canvas=compose:canvas,instances=\(expected)")
        #expect(content.state == .starting)
        #expect(content.instancesExpected == expected)
        #expect(content.reason == "\(count) of \(expected) instances")
        #expect(content.instances.allSatisfy { $0.state == .serving })
    }

    @Test("Field 22: the declared number of instances is serving, and so are more", arguments: [1, 2])
    func enough(expected: Int) throws {
        let two = [try container("canvas-1"), try container("canvas-2", number: "2")]
        let content = try content(two, "canvas=compose:canvas,instances=\(expected)")
        #expect(content.state == .serving)
        #expect(content.instancesExpected == expected)
        #expect(content.reason == nil)
    }

    @Test("Field 22: left-out containers do not count, and a worse state takes precedence")
    func shortAndWorse() throws {
        let service = "canvas=compose:canvas,instances=2"
        let oneOff = try content([try container("canvas-1"), try container("run", oneOff: true)], service)
        #expect(oneOff.state == .starting)
        let none = try content([], service)
        #expect(none.state == .absent)
        #expect(none.reason == "0 of 2 instances; no container matches, running or not")
        let dead = try content([try container("canvas-1", status: "exited")], service)
        #expect(dead.state == .exited)
        #expect(dead.reason == "1 of 2 instances; canvas-1 does not run (exit code 3)")
    }

    struct Start: CustomTestStringConvertible, Sendable {
        var testDescription: String
        /// The members of `.State`.
        var state: String
        var becomes: ServiceState
        var exitCode: Int?
        var remark: String
    }

    @Test(
        "Field 16: a created container is starting, and one that could not be started has exited",
        arguments: [
            Start(
                testDescription: "created", state: #""Status":"created","ExitCode":0,"Error":"""#, becomes: .starting,
                remark: "canvas-1 was created and has not been started yet"),
            Start(
                testDescription: "an error",
                state: #""Status":"created","ExitCode":0,"Error":"driver\u001b[31m\nfailed""#,
                becomes: .exited, remark: "canvas-1 could not be started (exit code 0): driver failed"),
            Start(
                testDescription: "exit code 128", state: #""Status":"created","ExitCode":128,"Error":"""#,
                becomes: .exited, exitCode: 128, remark: "canvas-1 could not be started (exit code 128)"),
            Start(
                testDescription: "exit code 127 and an error",
                state: #""Status":"created","ExitCode":127,"Error":"exec: \"x\": not found""#, becomes: .exited,
                exitCode: 127, remark: #"canvas-1 could not be started (exit code 127): exec: "x": not found"#),
            Start(
                testDescription: "exited with an error",
                state:
                    #""Status":"exited","ExitCode":1,"StartedAt":"2026-11-20T10:00:00Z","Error":"\#(String(repeating: "y", count: 900))""#,
                becomes: .exited, exitCode: 1,
                remark: "canvas-1 does not run (exit code 1): "
                    + "\(String(repeating: "y", count: 60))…\(String(repeating: "y", count: 99))"),
        ])
    func starts(example: Start) throws {
        let started = example.state.contains("StartedAt") ? "" : #","StartedAt":"0001-01-01T00:00:00Z""#
        var facts = try Samples.facts()
        facts.state = ContainerStateFacts(
            try JSONDecoder().decode(
                EngineAPI.Container.State.self, from: Data("{\(example.state)\(started),\"Running\":false}".utf8)))
        let report = ContainerReport(facts, store: .classic)
        #expect(report.instance.state == example.becomes)
        #expect(report.instance.exitCode == example.exitCode)
        #expect(report.stateRemark == example.remark)
    }

    @Test("A document with all these fields satisfies the schema, and decodes to the same value")
    func roundTrip() async throws {
        var failing = try container("canvas-1", created: 2)
        failing.origin.deployment.directory = "/srv/shop"
        failing.origin.deployment.files = ["/srv/shop/prod.yml"]
        failing.state.health = "unhealthy"
        failing.state.healthLog = [
            .init(startedAt: EngineTime("2026-11-20T10:00:01Z"), exitCode: 1, output: "\"refused\"\n")
        ]
        var unstarted = try container("canvas-2", created: 3, number: "2", status: "created")
        unstarted.state.error = "port is already allocated"
        let content = try content(
            [failing, unstarted, try container("old", status: "exited"), try container("run", oneOff: true)],
            "canvas=compose:canvas,instances=2")
        let encoded = try JSONEncoder().encode(content)
        #expect(try JSONDecoder().decode(DocumentContent.self, from: encoded) == content)
        let bytes = try DocumentBody(content).bytes(
            observedAt: "2026-11-20T10:00:00Z", age: .zero, uptime: .zero, nonce: nil)
        let document = try JSONDecoder().decode(Document.self, from: Data(bytes))
        #expect(document.leftOut.map(\.reason) == [.replaced, .oneOff])
        #expect(document.instancesExpected == 2)
        #expect(document.instances.first?.project == "shop")
        #expect(
            document.instances.map(\.deployment) == [
                .init(
                    tool: .compose, group: "shop", name: "canvas", directory: "/srv/shop", files: ["/srv/shop/prod.yml"]
                ),
                .init(tool: .compose, group: "shop", name: "canvas"),
            ])
        #expect(document.instances.map(\.healthOutput) == ["\"refused\"", nil])
        #expect(document.instances.map(\.error) == [nil, "port is already allocated"])
        let defects = try await SchemaValidator.defects(String(decoding: bytes, as: UTF8.self), against: .document)
        #expect(defects.isEmpty)
    }
}
