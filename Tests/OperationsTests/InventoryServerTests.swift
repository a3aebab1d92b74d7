import Foundation
import Support
import Synchronization
import Testing

@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Inventory
@testable import Operations
@testable import Shared
@testable import Verdict

@Suite("Inventories from a web server")
struct InventoryServerTests {
    private static let list =
        #"[{"targets": ["canvas-01:9100", "canvas-01:9256", "canvas-02:9100"], "labels": {"region": "eu"}}]"#

    @Test("Targets of http_sd are hosts, and --port replaces the ports of other exporters")
    func targets() async throws {
        try await withServer({ _ in .json(Self.list) }) { url in
            #expect(
                try await load(url, port: 9_480).hosts.map(\.url) == [
                    "http://canvas-01:9480/buildinfo/canvas", "http://canvas-02:9480/buildinfo/canvas",
                ])
            #expect(try await load(url).hosts.map(\.name) == ["canvas-01:9100", "canvas-01:9256", "canvas-02:9100"])
            let labels = try await load(url).hosts.map(\.labels)
            #expect(labels == Array(repeating: ["region": "eu"], count: 3))
        }
    }

    @Test("The list is requested again with its entity tag, and 304 changes nothing")
    func entityTag() async throws {
        let requests = Requests()
        try await withServer({ request in
            requests.add(request.header("if-none-match"))
            switch requests.count {
            case 1: return .json(Self.list, headers: [("ETag", "\"1\"")])
            case 2: return .answer(status: 304, headers: [("ETag", "\"1\"")], body: [])
            default: return .json(#"[{"targets": ["canvas-02:9100"]}]"#, headers: [("ETag", "\"2\"")])
            }
        }) { url in
            var watch = try await load(url).watch
            let start = ContinuousClock.now
            #expect(try await watch.listedNames(at: start) == nil)
            #expect(try await watch.listedNames(at: start + .seconds(31)) == nil)
            #expect(try await watch.listedNames(at: start + .seconds(62)) == ["canvas-02:9100"])
            #expect(requests.tags == [nil, "\"1\"", "\"1\""])
        }
    }

    @Test("A server without entity tags that sends the same list changes nothing")
    func sameList() async throws {
        try await withServer({ _ in .json(Self.list) }) { url in
            var watch = try await load(url).watch
            #expect(try await watch.listedNames(at: .now + .seconds(31)) == nil)
        }
    }

    @Test(
        "An unusable response is an error with the reason, and never an empty list",
        arguments: [
            (
                ScriptedHostAnswer.status(500),
                "the list of hosts is unavailable (HTTP 500): check the server, or give a file"
            ),
            (
                .redirect(to: "/login"),
                "the list of hosts is unavailable (HTTP 302, a redirect: give the final URL): check the server, or give a file"
            ),
            (.status(200, ""), notList), (.status(200, "OK"), notList), (.status(200, "<html>"), notList),
            (.json(#"{"targets": []}"#), notList),
            (
                .status(200, "[{\"targets\": [\"a\"]}, 5]"),
                ":1: a host is listed among groups of targets: write it below targets"
            ),
            (
                .answer(status: 200, headers: [], body: [0x5B, 0xFF]),
                "the list of hosts is unavailable (the response is not UTF-8): check the server, or give a file"
            ),
        ])
    func unusable(answer: ScriptedHostAnswer, problem: String) async throws {
        try await withServer({ _ in answer }) { url in
            let message = await #expect(throws: InventoryError.self) { try await load(url) }.map { "\($0)" }
            #expect(message?.hasSuffix(problem) == true, "\(message ?? "")")
            #expect(message?.hasPrefix(url) == true)
        }
    }

    @Test("An empty list is an empty inventory")
    func empty() async throws {
        try await withServer({ _ in .json("[]") }) { url in
            let hosts = try await load(url).hosts
            #expect(hosts.isEmpty)
        }
    }

    @Test("A server that refuses connections is unavailable, exit code 69, and a query is not shown")
    func refused() async throws {
        let host = try await ScriptedHost.start { _ in .json("[]") }
        let url = host.url("/sd")
        await host.stop()
        let error = await #expect(throws: InventoryError.self) { try await load(url + "?token=hunter2") }
        #expect(error?.exitStatus == .unavailable)
        #expect(error.map { "\($0)".contains("hunter2") } == false)
        #expect(error.map { "\($0)".hasPrefix("\(url): ") } == true)
    }

    private static let notList =
        "the response is not a list of targets: give the URL of Prometheus http_sd, which answers with [{\"targets\": […]}]"

    private func load(_ url: String, port: Int? = nil) async throws -> Inventory {
        let sources = [InventorySource(argument: url)]
        return try Inventory.load(
            sources: sources, service: "canvas", port: port, now: InventoryFixtures.now,
            lists: try await InventoryServer.http.lists(of: sources))
    }

    private func withServer(
        _ script: @escaping ScriptedHost.Script, _ body: (String) async throws -> Void
    ) async throws {
        let host = try await ScriptedHost.start(script: script)
        do { try await body(host.url("/sd")) } catch {
            await host.stop()
            throw error
        }
        await host.stop()
    }
}

/// The entity tags of the requests so far.
private final class Requests: Sendable {
    private let received = Mutex<[String?]>([])

    func add(_ tag: String?) { received.withLock { $0.append(tag) } }
    var tags: [String?] { received.withLock { $0 } }
    var count: Int { tags.count }
}
