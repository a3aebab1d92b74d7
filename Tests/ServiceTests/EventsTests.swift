import Foundation
import Glibc
import Support
import Synchronization
import Testing

@testable import EndToEndFixtures
@testable import Service

@Suite("Service, events", .timeLimit(.minutes(4)))
struct EventsTests {
    private static func fleets(_ event: EventStream.Event?) -> [[String: Any]] {
        event?.object["fleets"] as? [[String: Any]] ?? []
    }

    /// A fleet without what changes by the clock, and what only events have.
    private static func state(_ fleet: [String: Any]) -> NSDictionary {
        fleet.filter { !["as_of", "age_seconds", "changed", "page"].contains($0.key) } as NSDictionary
    }

    @Test("A stream begins with a snapshot and a sign of life, and nothing on the way may keep, change or hold it back")
    func snapshot() async throws {
        let folder = try TemporaryFolder()
        let agents = try await FileFleet.start(1, in: folder)
        let service = try await ServedCollector.start(fleets: agents.entry(interval: "500ms"), in: folder)
        let stream = try EventStream(service, headers: [("Accept-Encoding", "gzip, br")])
        try stream.read("a sign of life") { $0.contains { $0.kind == "alive" } }
        let head = stream.text.head.lowercased()
        #expect(head.hasPrefix("http/1.1 200"))
        for line in [
            "content-type: text/event-stream", "cache-control: no-store, no-transform", "x-accel-buffering: no",
        ] {
            #expect(head.contains("\r\n\(line)\r\n") || head.hasSuffix("\r\n\(line)"), "\(head)")
        }
        #expect(!head.contains("content-encoding"))
        #expect(stream.text.body.contains(": keep-alive\n\n"), "a comment")
        let first = try #require(stream.events.first)
        #expect(first.kind == "snapshot")
        #expect(first.id.flatMap(UInt64.init) != nil)
        let fleet = try #require(Self.fleets(first).first)
        #expect(Self.state(fleet) == Self.state(try service.fleet()))
        #expect(fleet["page"] as? String == "/fleets/canvas/production")
        // It goes on: pages turn grey without a sign of life for 15 s.
        let seen = stream.events.count { $0.kind == "alive" }
        try stream.read("further signs of life", within: 14) { $0.count { $0.kind == "alive" } >= seen + 2 }
    }

    @Test("A change is sent with the names of its hosts, and resuming after an event equals a fresh load")
    func resume() async throws {
        let folder = try TemporaryFolder()
        let agents = try await FileFleet.start(2, in: folder)
        let service = try await ServedCollector.start(fleets: agents.entry(interval: "500ms"), in: folder)
        _ = try await service.verified(FileFleet.commit, key: "1")
        try await eventually("the fleet is proven") { try service.fleet()["proven"] as? Int == 2 }
        // It listens all the time, so that numbers go on.
        let other = try EventStream(service)
        try other.read("a snapshot") { !$0.isEmpty }
        let stream = try EventStream(service)
        try stream.read("a sign of life") { $0.contains { $0.kind == "alive" } }
        try agents.serve(FileFleet.other, on: 2)
        try stream.read("the drift") { events in
            events.contains { $0.kind == "fleet" && $0.object["proven"] as? Int == 1 }
        }
        let drift = try #require(stream.events.last { $0.kind == "fleet" && $0.object["proven"] as? Int == 1 })
        #expect(drift.object["changed"] as? [String] == ["host-2"], "\(drift.data)")
        let ids = stream.events.compactMap { $0.id.flatMap(UInt64.init) }
        #expect(ids == ids.sorted() && Set(ids).count == ids.count, "\(ids)")
        stream.leave()

        // What happens while the client is away.
        try agents.serve(FileFleet.other, on: 1)
        try await eventually("the second drift") { try service.fleet()["proven"] as? Int == 0 }
        try other.read("it is sent to the others") { events in
            events.contains { $0.kind == "fleet" && $0.object["proven"] as? Int == 0 }
        }
        let id = try #require(drift.id)
        for (query, headers) in [("?last_event_id=\(id)", []), ("", [("Last-Event-ID", id)])] {
            let again = try EventStream(service, query: query, headers: headers)
            try again.read("a sign of life") { $0.contains { $0.kind == "alive" } }
            #expect(again.events.map(\.kind) == ["fleet", "alive"], "\(again.text.body)")
            let fleet = try #require(again.events.first?.object)
            #expect(Self.state(fleet) == Self.state(try service.fleet()), "\(fleet)")
        }
        // Nothing changed since the last event: nothing is repeated.
        let last = try #require(other.events.last { $0.kind == "fleet" }?.id)
        let idle = try EventStream(service, query: "?last_event_id=1", headers: [("Last-Event-ID", last)])
        try idle.read("a sign of life") { $0.contains { $0.kind == "alive" } }
        #expect(idle.events.map(\.kind) == ["alive"], "the header counts: \(idle.text.body)")
    }

    @Test("A number from before a restart, or of a time when nobody listened, is answered with everything")
    func oldNumbers() async throws {
        let folder = try TemporaryFolder()
        let agents = try await FileFleet.start(1, in: folder)
        let service = try await ServedCollector.start(fleets: agents.entry(interval: "500ms"), in: folder)
        for number in ["1", "9999999999999999999"] {
            let stream = try EventStream(service, headers: [("Last-Event-ID", number)])
            try stream.read("a sign of life") { $0.contains { $0.kind == "alive" } }
            #expect(stream.events.map(\.kind) == ["reload", "snapshot", "alive"], "\(stream.text.body)")
        }
        let stream = try EventStream(service)
        try stream.read("a snapshot") { !$0.isEmpty }
        let number = try #require(stream.events.first?.id)
        stream.leave()
        let descriptors = "/proc/\(service.program.processID)/fd"
        try await eventually("the service noticed that the client left") {
            try FileManager.default.contentsOfDirectory(atPath: descriptors).count { name in
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(descriptors)/\(name)"))?
                    .hasPrefix("socket:") == true
            } < 6
        }
        try await Task.sleep(for: .seconds(1))
        let again = try EventStream(service, headers: [("Last-Event-ID", number)])
        try again.read("a sign of life") { $0.contains { $0.kind == "alive" } }
        #expect(again.events.map(\.kind) == ["snapshot", "alive"], "\(again.text.body)")
        for wrong in ["?last_event_id=x", "?last_event_id=-1", "?last_event_id=", "?since=1"] {
            #expect(try service.answer("GET", "/api/v1/events\(wrong)").status == 400, "\(wrong)")
        }
        #expect(try service.answer("HEAD", "/api/v1/events").status == 200)
        #expect(try service.answer("POST", "/api/v1/events").status == 405)
    }

    @Test("A fleet that stops answering is sent as not fresh, although nothing else was heard of it")
    func aging() async throws {
        let folder = try TemporaryFolder()
        let agents = try await FileFleet.start(1, in: folder)
        let service = try await ServedCollector.start(
            fleets: agents.entry(interval: "500ms", requestTimeout: "30s"), in: folder)
        _ = try await service.verified(FileFleet.commit, key: "1")
        try await eventually("the host is proven") { try service.fleet()["proven"] as? Int == 1 }
        let stream = try EventStream(service)
        try stream.read("a snapshot") { Self.fleets($0.first).first?["proven"] as? Int == 1 }
        agents.agents[0].program.signal(SIGSTOP)
        defer { agents.agents[0].program.signal(SIGCONT) }
        // Before the request to the host has failed.
        try stream.read("a fleet that is not fresh") { events in
            events.contains {
                $0.kind == "fleet" && $0.object["fresh"] as? Bool == false && $0.object["proven"] as? Int == 0
            }
        }
        #expect(try service.fleet()["fresh"] as? Bool == false)
    }

    @Test("A tag that moves, or that can no longer be read, is sent although no host changed")
    func tag() async throws {
        let folder = try TemporaryFolder()
        let registry = try await LocalRegistry.start()
        try registry.push(TagCheckTests.promoted, to: "canvas", tag: "latest")
        let (service, hosts) = try await TagCheckTests.start(registry, in: folder)
        defer { withExtendedLifetime(hosts) {} }
        _ = try await service.verified(FileFleet.commit, key: "1")
        _ = try await TagCheckTests.wait(service, for: "none")
        try await eventually("the host is proven") { try service.fleet()["proven"] as? Int == 1 }
        let stream = try EventStream(service)
        try stream.read("a sign of life") { $0.contains { $0.kind == "alive" } }
        func read(_ drift: String) throws {
            try stream.read("the drift '\(drift)'", within: 20) { events in
                (events.last { $0.kind == "fleet" }?.object["tag"] as? [String: Any])?["drift"] as? String == drift
            }
            let event = try #require(stream.events.last { $0.kind == "fleet" })
            #expect(event.object["proven"] as? Int == 1 && event.object["changed"] as? [String] == [], "\(event.data)")
        }
        try registry.push(TagCheckTests.stranger, to: "canvas", tag: "latest")
        try read("found")
        registry.signal(SIGSTOP)
        defer { registry.signal(SIGCONT) }
        try read("unknown")
    }

    @Test("A verification is sent when it begins, changes and ends")
    func verifications() async throws {
        let folder = try TemporaryFolder()
        let agents = try await FileFleet.start(1, in: folder)
        let service = try await ServedCollector.start(fleets: agents.entry(interval: "500ms"), in: folder)
        let stream = try EventStream(service)
        try stream.read("a snapshot") { !$0.isEmpty }
        let ended = try await service.verified(FileFleet.commit, key: "1")
        let id = try #require(ended["id"] as? String)
        try stream.read("its end") { events in
            events.contains { $0.kind == "verification" && $0.object["state"] as? String == "finished" }
        }
        let events = stream.events.filter { $0.kind == "verification" }
        #expect(events.allSatisfy { $0.object["id"] as? String == id })
        #expect(events.first?.object["state"] as? String == "running")
        #expect(events.last?.object["page"] as? String == "/verifications/\(id)")
        #expect(events.last?.object["fleet_page"] as? String == "/fleets/canvas/production")
    }

    @Test("A service that stops says so, says when to come back, and closes every stream")
    func shutdown() async throws {
        let folder = try TemporaryFolder()
        let agents = try await FileFleet.start(1, in: folder)
        let service = try await ServedCollector.start(fleets: agents.entry(interval: "500ms"), in: folder)
        let streams = try (0..<3).map { _ in try EventStream(service) }
        for stream in streams { try stream.read("a snapshot") { !$0.isEmpty } }
        service.program.signal(SIGTERM)
        for stream in streams {
            try stream.read("the end") { $0.last?.kind == "shutdown" }
            let retry = try #require(stream.events.last?.retry)
            #expect((1_000...6_000).contains(retry))
            #expect(throws: EventStream.NotSeen.self) { try stream.read("more", within: 10) { _ in false } }
            #expect(stream.isClosed)
            stream.leave()
        }
        #expect(try await service.program.wait().exitCode == 0)
    }

    @Test("A reload of the configuration ends streams, so that nobody listens without permission")
    func reload() async throws {
        let folder = try TemporaryFolder()
        let agents = try await FileFleet.start(1, in: folder)
        let service = try await ServedCollector.start(fleets: agents.entry(interval: "500ms"), in: folder)
        let stream = try EventStream(service)
        try stream.read("a snapshot") { !$0.isEmpty }
        service.program.signal(SIGHUP)
        try stream.read("the end") { $0.last?.kind == "shutdown" }
        let next = try EventStream(service, headers: [("Last-Event-ID", stream.events.first?.id ?? "")])
        try next.read("a sign of life") { $0.contains { $0.kind == "alive" } }
        #expect(!next.events.contains { $0.kind == "reload" }, "\(next.text.body)")
    }

    @Test("Beyond loopback, events need a token that may read")
    func access() async throws {
        let folder = try TemporaryFolder()
        let agents = try await FileFleet.start(1, in: folder)
        // Every address counts as reachable from the network.
        let service = try await ServedCollector.start(
            fleets: agents.entry(interval: "500ms"), listen: "0.0.0.0:0", in: folder)
        let port = service.authority.split(separator: ":").last ?? ""
        let local = ServedCollector(folder: folder, program: service.program, authority: "127.0.0.1:\(port)")
        for token in [nil, "wrong-token-0123456789abcdef"] {
            let refused = try EventStream(
                local, headers: token.map { [("Authorization", "Bearer \($0)")] } ?? [])
            try refused.read("an answer") { _ in refused.text.head.contains("\r\n") }
            #expect(refused.text.head.hasPrefix("HTTP/1.1 401"), "\(refused.text.head)")
        }
        let stream = try EventStream(local, headers: [("Authorization", "Bearer \(ServedCollector.readToken)")])
        try stream.read("a snapshot") { $0.first?.kind == "snapshot" }
    }

    @Test("What waits for a client is replaced by one event once it is too much, and that is the last one")
    func limit() throws {
        let client = EventClient {}
        let event = try EventText.event(.fleet, number: 1, ["text": String(repeating: "x", count: 1_000)])
        let reload = try EventText.event(.reload, ReloadBody(reason: "the client was too slow"))
        for _ in 0..<150 { client.send(event, else: reload) }
        #expect(client.take() == (Array(repeating: event, count: 150), false))
        // What was taken waits no longer.
        for _ in 0..<150 { client.send(event, else: reload) }
        #expect(client.take().events.count == 150)
        for _ in 0..<250 { client.send(event, else: reload) }
        #expect(client.take() == ([reload], true))
    }

    @Test("A client that reads nothing is disconnected, and the others go on")
    func slowClient() async throws {
        let folder = try TemporaryFolder()
        // Names make large events, and every answer is a change.
        let turn = Counter()
        let hosts = try await ScriptedHost.start { _ in
            .json(#"{"git_sha":"\#(turn.next() / 150 % 2 == 0 ? FileFleet.commit : FileFleet.other)"}"#)
        }
        let list = (0..<150).map { index in
            ["name": "h\(1_000 + index)" + String(repeating: "n", count: 245), "url": hosts.url(host: index)]
        }
        try folder.write(
            "fleet.json", String(decoding: try JSONSerialization.data(withJSONObject: ["hosts": list]), as: UTF8.self))
        let service = try await ServedCollector.start(
            fleets: """
                  - {service: canvas, environment: production, inventory: \(folder.path("fleet.json")), check: {interval: 500ms}}
                """, in: folder)
        let deaf = try EventStream(service, window: 4_096)
        let other = try EventStream(service)
        try other.read("far more than a client may leave unread", within: 120) { _ in
            other.text.body.utf8.count > 1_500_000
        }
        // What the system held for it can still be read, and then the stream is over.
        #expect(throws: EventStream.NotSeen.self) { try deaf.read("more", within: 60) { _ in false } }
        #expect(deaf.isClosed)
        #expect(deaf.text.body.utf8.count < 600_000, "\(deaf.text.body.utf8.count)")
        #expect(!other.isClosed)
        try other.read("a sign of life") { $0.last { $0.kind == "alive" } != nil }
        await hosts.stop()
    }
}

/// A number that several threads count up.
private final class Counter: Sendable {
    private let value = Atomic(0)

    func next() -> Int { value.add(1, ordering: .relaxed).oldValue }
}
