import Foundation
import Shared
import Support
import Testing

@testable import Agent
@testable import AgentCore

@Suite struct EngineEventParserTests {
    /// Events as Docker 20.10 and Podman 4.3 wrote them.
    private static let docker = """
        {"status":"start","id":"e2","from":"canvas:latest","Type":"container","Action":"start","Actor":{"ID":"e2",\
        "Attributes":{"image":"canvas:latest","name":"canvas","note":"ends in }\\n{\\"Type\\":\\"x\\"}"}},\
        "scope":"local","time":1795452002,"timeNano":1795452002123456789}
        {"status":"exec_create: true","id":"e2","Type":"container","Action":"exec_create: true","Actor":{"ID":"e2"}}

        {"status":"health_status: healthy","id":"e2","Type":"container","Action":"health_status: healthy"}\r
        {"status":"tag","id":"sha256:87","Type":"image","Action":"tag","Actor":{"ID":"sha256:87"},"scope":"local"}
        {"Type":"network","Action":"connect","Actor":{"ID":"n"}}

        """

    private static let expected = [true, false, true, true, false]

    @Test("The events do not depend on where the bytes are split")
    func cuts() throws {
        let bytes = Array(Self.docker.utf8)
        for cut in 0...bytes.count {
            var parser = EngineEventParser()
            let events = try parser.parse(bytes[..<cut]) + parser.parse(bytes[cut...])
            #expect(events.map(\.matters) == Self.expected, "cut at \(cut)")
        }
        var parser = EngineEventParser()
        var events: [EngineEvent] = []
        for byte in bytes { events += try parser.parse([byte]) }
        #expect(events.map(\.matters) == Self.expected)
    }

    @Test("An event counts only when its line is complete")
    func incomplete() throws {
        var parser = EngineEventParser()
        let line = FakeEngine.event("container", "die")
        #expect(try parser.parse(Array(line.utf8).dropLast()).isEmpty)
        #expect(try parser.parse([UInt8(ascii: "\n")]).map(\.matters) == [true])
        #expect(try parser.parse([UInt8(ascii: "\n")]).isEmpty)
    }

    @Test(
        "Data that is not an event ends the stream with a failure",
        arguments: [
            "SSH-2.0-OpenSSH\n", "<html>\n", "[]\n", "{}\n", "{\"Type\":\"container\"}\n",
            "{\"Type\":1,\"Action\":2}\n",
            "{\"Type\":\"container\",\"Action\":\"start\"}{\"Type\":\"container\",\"Action\":\"die\"}\n", "\u{1E}{}\n",
            "\"\n", "null\n",
        ])
    func garbage(text: String) {
        var parser = EngineEventParser()
        let failure = #expect(throws: EngineFailure.self) { try parser.parse(Array(text.utf8)) }
        #expect(failure?.reason == .garbage)
    }

    @Test("A line can be as long as the limit and no longer, complete or not", arguments: [1, 7, 4_096])
    func limit(chunk: Int) throws {
        let shell = "{\"Type\":\"image\",\"Action\":\"pull\",\"x\":\"\"}"
        let line = shell.replacing(
            "\"\"", with: "\"" + String(repeating: "y", count: 1_000 - shell.utf8.count) + "\"")
        #expect(line.utf8.count == 1_000)
        var parser = EngineEventParser(lineLimit: 1_000)
        #expect(try feed(line + "\n" + line + "\n", to: &parser, chunk) == 2)
        var strict = EngineEventParser(lineLimit: 999)
        for text in [line + "\n", line] {
            strict = EngineEventParser(lineLimit: 999)
            let failure = #expect(throws: EngineFailure.self) { try feed(text, to: &strict, chunk) }
            #expect(failure?.reason == .tooLarge)
        }
    }

    @discardableResult
    private func feed(_ text: String, to parser: inout EngineEventParser, _ chunk: Int) throws -> Int {
        var rest = Array(text.utf8)[...]
        var count = 0
        while !rest.isEmpty {
            count += try parser.parse(rest.prefix(chunk)).count
            rest = rest.dropFirst(chunk)
        }
        return count
    }

    @Test(
        "Events that can change a document matter, in Docker's names and in Podman's",
        arguments: [
            ("container", "start", true), ("container", "die", true), ("container", "died", true),
            ("container", "pause", true), ("container", "unpause", true), ("container", "destroy", true),
            ("container", "remove", true), ("container", "cleanup", true), ("container", "rename", true),
            ("container", "health_status: unhealthy", true), ("container", "health_status", true),
            ("container", "exec_start: /bin/true", false), ("container", "exec_die", false),
            ("container", "kill", false), ("container", "top", false), ("container", "attach", false),
            ("image", "tag", true), ("image", "untag", true), ("image", "pull", true), ("image", "delete", true),
            ("image", "load", true), ("image", "loadfromarchive", true), ("image", "push", false),
            ("image", "save", false), ("volume", "create", false), ("network", "connect", false),
            ("daemon", "reload", false), ("", "", false),
        ])
    func relevance(type: String, action: String, matters: Bool) {
        #expect(EngineEvent(type: type, action: action).matters == matters)
    }

    @Test("The filter is valid JSON, and excludes the events of health checks")
    func filter() throws {
        let target = EngineRequest.events.target(version: APIVersion(major: 1, minor: 41))
        let prefix = "/v1.41/events?filters="
        #expect(target.hasPrefix(prefix))
        let encoded = String(target.dropFirst(prefix.count))
        #expect(encoded.utf8.allSatisfy { $0.isASCIIAlphanumeric || "%_".utf8.contains($0) })
        let json = try #require(encoded.removingPercentEncoding)
        let filter = try JSONDecoder().decode([String: [String: Bool]].self, from: Data(json.utf8))
        #expect(filter["type"] == ["container": true, "image": true])
        let actions = try #require(filter["event"])
        #expect(actions.keys.sorted() == EngineEvent.actions.sorted())
        #expect(actions.values.allSatisfy { $0 })
        // moby compares prefixes, so no action can be the beginning of an unwanted one.
        for unwanted in ["exec_create: x", "exec_start: x", "exec_die", "top", "attach", "resize", "kill", "push"] {
            #expect(!actions.keys.contains { unwanted.hasPrefix($0) })
        }
    }
}
