import Foundation
import Shared
import Support
import Testing

@testable import EndToEndFixtures

extension RealEngine {
    /// A real engine's events cause observations, in addition to the periodic ones.
    @Suite("The agent and its engine's events")
    struct AgentEventsTests {
        /// An agent with infrequent periodic observations, and its service.
        private struct Watched {
            let service: Service
            let agent: HostAgent

            func document() throws -> (document: Document, tag: String) {
                let answer = try #require(LoopbackRequest("GET", agent.authority, "/buildinfo").answer())
                return (
                    try JSONDecoder().decode(Document.self, from: Data(answer.body)),
                    try #require(answer.headers["etag"])
                )
            }

            /// Waits until the event stream is open and the evidence far older than the two seconds between observations without
            /// one: for the next 20 seconds, only an event causes an observation.
            func becomeCalm() async throws {
                try await eventually("observations are infrequent", detail: { agent.program.error }) {
                    let age = try agent.metric("buildinfo_engine_look_age_seconds")
                    return try agent.metric("buildinfo_engine_event_stream_up") == 1 && (6...9).contains(age)
                }
            }

            /// Performs an action, and waits for the expected document.
            ///
            /// - Returns: the document, which a long poll received as soon as it changed.
            @discardableResult
            func after(
                _ what: String, _ act: () async throws -> Void, becomes condition: (Document) -> Bool
            ) async throws -> Document {
                try await becomeCalm()
                let started = ContinuousClock.now
                let events = try agent.metric("buildinfo_engine_events_total")
                try await act()
                var latest = try document()
                try await eventually("after \(what)", within: .seconds(30), detail: { "\(latest.document)" }) {
                    if condition(latest.document) { return true }
                    var poll = LoopbackRequest("GET", agent.authority, "/buildinfo")
                    poll.headers = [("If-None-Match", latest.tag), ("Prefer", "wait=5")]
                    if poll.answer()?.status == 200 { latest = try document() }
                    return condition(latest.document)
                }
                #expect(ContinuousClock.now - started < .seconds(20), "before a periodic observation")
                #expect(try agent.metric("buildinfo_engine_events_total") > events)
                return latest.document
            }
        }

        private func watched(_ options: String..., healthCheck: [String]? = nil) async throws -> Watched {
            let service = try await Service.make()
            try await service.engine.makeImage(service.latest, revision: Commit.new, healthCheck: healthCheck)
            try await service.run(options)
            let agent = try await HostAgent.start(
                "host-1", selector: "container:\(service.name)", engine: service.engine)
            return Watched(service: service, agent: agent)
        }

        @Test("Stopping, starting, restarting and pausing a container is detected each time")
        func lifecycle() async throws {
            let watched = try await watched()
            let (engine, name) = (watched.service.engine, watched.service.name)
            try await watched.after("stop") {
                try await engine.docker("stop", name)
            } becomes: {
                $0.state == .exited
            }
            let first = try await watched.after("start") {
                try await engine.docker("start", name)
            } becomes: {
                $0.state == .serving
            }
            let startedAt = first.instances.first?.startedAt
            try await watched.after("restart") {
                try await engine.docker("restart", name)
            } becomes: {
                $0.state == .serving && $0.instances.first?.startedAt != startedAt
            }
            try await watched.after("pause") {
                try await engine.docker("pause", name)
            } becomes: {
                $0.state == .paused
            }
            try await watched.after("unpause") {
                try await engine.docker("unpause", name)
            } becomes: {
                $0.state == .serving
            }
            try await watched.after("removal") {
                try await engine.remove(name)
            } becomes: {
                $0.state == .absent
            }
        }

        @Test("A health check's first success causes an observation, and later checks do not")
        func healthy() async throws {
            let watched = try await watched(healthCheck: ["0", "0"])
            let (engine, name) = (watched.service.engine, watched.service.name)
            try await eventually("it is healthy") { try watched.document().document.state == .serving }
            let startedAt = try watched.document().document.instances.first?.startedAt
            // Starting, until the first check half a second later: two events, of which the second one counts.
            try await watched.after("restart") {
                try await engine.docker("restart", name)
            } becomes: {
                $0.state == .serving && $0.instances.first?.startedAt != startedAt
            }
            let events = try watched.agent.metric("buildinfo_engine_events_total")
            // Half a dozen checks later, each with three events.
            try await watched.becomeCalm()
            #expect(try watched.agent.metric("buildinfo_engine_events_total") == events)
            try await engine.remove(name)
        }

        @Test("A tag that moves to another image and back is detected while the container runs")
        func tagMoved() async throws {
            let watched = try await watched()
            let (engine, service) = (watched.service.engine, watched.service)
            let moved = { (document: Document) in document.instances.first?.image.tagMoved == true }
            try await engine.docker("tag", service.latest, "\(service.repository):kept")
            try await watched.after("another image takes the tag") {
                try await engine.makeImage(service.latest, revision: Commit.newer)
            } becomes: {
                moved($0) && $0.state == .serving && $0.gitSHA.value?.hex == Commit.new
            }
            try await watched.after("the first one takes it back") {
                try await engine.docker("tag", "\(service.repository):kept", service.latest)
            } becomes: {
                !moved($0) && $0.state == .serving
            }
            try await engine.remove(service.name)
        }

        @Test("A stopped engine makes the state unknown at once, until it is started again")
        func engineLost() async throws {
            let watched = try await watched("--restart", "always")
            let engine = watched.service.engine
            try await watched.becomeCalm()
            let tag = try watched.document().tag
            let started = ContinuousClock.now
            try await engine.stop()
            try await eventually("the state is unknown") { try watched.document().document.state == .unknown }
            #expect(ContinuousClock.now - started < .seconds(20), "before a periodic observation")
            #expect(try watched.document().tag != tag)
            #expect(try watched.agent.metric("buildinfo_engine_event_stream_up") == 0)
            try await engine.start()
            try await eventually("it serves again") { try watched.document().document.state == .serving }
            try await watched.becomeCalm()
            #expect(try watched.agent.metric("buildinfo_engine_event_stream_reconnects_total") >= 1)
            #expect(watched.agent.program.exitCode == nil)
            try await watched.after("stop") {
                try await engine.docker("stop", watched.service.name)
            } becomes: {
                $0.state == .exited
            }
            try await engine.remove(watched.service.name)
        }

        @Test("A hung engine makes the state unknown, until it continues")
        func engineHangs() async throws {
            let watched = try await watched()
            let engine = watched.service.engine
            try await watched.becomeCalm()
            // Later tests need a running engine.
            try engine.suspend()
            let answer = LoopbackRequest("GET", watched.agent.authority, "/buildinfo?nonce=1").answer()
            try engine.resume()
            #expect(answer?.text.contains(#""state":"unknown""#) == true)
            let resumed = ContinuousClock.now
            try await eventually("it serves again") { try watched.document().document.state == .serving }
            #expect(ContinuousClock.now - resumed < .seconds(20))
            try await engine.remove(watched.service.name)
        }
    }
}
