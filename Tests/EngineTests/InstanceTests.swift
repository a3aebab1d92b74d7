import Foundation
import Shared
import Support
import Testing

@testable import EndToEndFixtures

extension RealEngine {
    /// The rules for instances, with containers of a real engine.
    @Suite("A service's instances")
    struct InstanceTests {
        /// A service whose new build is promoted and pulled, but not running yet.
        private func promoted() async throws -> (Service, Digest) {
            let service = try await Service.make()
            let digest = try await service.release(Commit.new)
            try await service.pull()
            return (service, digest)
        }

        private func compose(
            _ service: Service, project: String = "shop", number: Int = 1, oneOff: Bool = false
        ) -> [String] {
            [
                "com.docker.compose.project=\(project)", "com.docker.compose.service=\(service.name)",
                "com.docker.compose.container-number=\(number)",
                "com.docker.compose.oneoff=\(oneOff ? "True" : "False")",
            ].flatMap { ["--label", $0] }
        }

        /// Creates or runs a container as Compose does, with a suffix after the service's name.
        private func make(
            _ service: Service, _ suffix: String, _ labels: [String], verb: [String] = ["run", "--detach"],
            image: String? = nil, command: [String] = []
        ) async throws {
            try await service.engine.docker(
                verb + ["--pull", "never", "--name", "\(service.name)-\(suffix)", "--network", "host"] + labels
                    + [image ?? service.latest] + command)
        }

        private func agent(_ service: Service, _ selector: String) async throws -> HostAgent {
            try await HostAgent.start("host-1", selector: selector, engine: service.engine)
        }

        private func document(_ agent: HostAgent) async throws -> Document {
            try JSONDecoder().decode(Document.self, from: Data(try await agent.document().utf8))
        }

        private func verify(_ agent: HostAgent, _ digest: Digest) -> Verify {
            Verify(hosts: [agent.host], sha: Commit.new, digest: digest)
        }

        private func remove(_ service: Service, _ suffixes: String...) async throws {
            for suffix in suffixes { try await service.engine.remove("\(service.name)-\(suffix)") }
        }

        @Test("Field 4: a one-off that ended does not fail a deploy, and one that runs proves none")
        func oneOff() async throws {
            let (service, digest) = try await promoted()
            try await make(service, "run-1", compose(service, oneOff: true))
            let agent = try await agent(service, "compose:\(service.name)")
            var verify = verify(agent, digest)
            verify.timeout = Verify.short
            let alone = try await verify.run()
            #expect(alone.exitCode != 0, "\(alone.progress)")
            #expect(alone.report.summary.proven == 0)

            try await make(service, "run-2", compose(service, oneOff: true), command: ["/service", "0", "1"])
            try await make(service, "1", compose(service))
            verify.timeout = "60s"
            let beside = try await verify.run()
            #expect(beside.exitCode == 0, "\(beside.progress)")
            let document = try await document(agent)
            #expect(document.leftOut.map(\.name) == ["\(service.name)-run-1", "\(service.name)-run-2"])
            #expect(document.leftOut.allSatisfy { $0.reason == .oneOff })
            try await remove(service, "1", "run-1", "run-2")
        }

        @Test(
            "Field 7: leftovers of an interrupted recreate are not instances, but a newer container that died is")
        func leftover() async throws {
            let service = try await Service.make()
            try await service.engine.makeImage("\(service.repository):old", revision: Commit.old)
            try await make(service, "1", compose(service), image: "\(service.repository):old")
            try await service.engine.docker("stop", "\(service.name)-1")
            try await service.engine.docker("rename", "\(service.name)-1", "\(service.name)-9c1b31a84123_1")
            let digest = try await service.release(Commit.new)
            try await service.pull()
            try await make(service, "1", compose(service))
            let agent = try await agent(service, "compose:\(service.name)")
            let converged = try await verify(agent, digest).run()
            #expect(converged.exitCode == 0, "\(converged.progress)")
            let leftOut = try await document(agent).leftOut
            #expect(leftOut.map(\.name) == ["\(service.name)-9c1b31a84123_1"])
            #expect(leftOut.map(\.reason) == [.replaced])

            try await make(service, "2", compose(service), command: ["/service", "0", "1"])
            try await eventually("the newer container counts") { try await document(agent).state == .exited }
            let failed = try await verify(agent, digest).run()
            #expect(failed.exitCode == 20, "\(failed.progress)")
            try await remove(service, "1", "2", "9c1b31a84123_1")
        }

        @Test("Field 3: a container of another project proves nothing for this one")
        func projects() async throws {
            let (service, digest) = try await promoted()
            try await make(service, "1", compose(service))
            try await make(service, "staging-1", compose(service, project: "shop-staging"))
            let ambiguous = try await agent(service, "compose:\(service.name)")
            var verify = verify(ambiguous, digest)
            verify.timeout = Verify.short
            let both = try await verify.run()
            #expect(both.exitCode != 0, "\(both.progress)")
            #expect(both.report.summary.proven == 0)
            #expect(try both.host("host-1").reason.contains("compose:shop/\(service.name)"), "\(both.progress)")

            let one = try await agent(service, "compose:shop/\(service.name)")
            let proven = try await self.verify(one, digest).run()
            #expect(proven.exitCode == 0, "\(proven.progress)")
            #expect(try await document(one).instances.map(\.project) == ["shop"])
            try await service.engine.docker("stop", "\(service.name)-1")
            verify = self.verify(one, digest)
            let stopped = try await verify.run()
            #expect(stopped.exitCode == 20, "\(stopped.progress)")
            try await remove(service, "1", "staging-1")
        }

        @Test("Field 16: a container that is created and waits has not failed, and one that cannot be started has")
        func waiting() async throws {
            let (service, digest) = try await promoted()
            try await make(service, "1", compose(service), verb: ["create"])
            let agent = try await agent(service, "compose:\(service.name)")
            #expect(try await document(agent).state == .starting)
            let verification = try verify(agent, digest).start()
            try await Task.sleep(for: .seconds(4))
            #expect(verification.program.exitCode == nil, "it waits: \(verification.program.error)")
            try await service.engine.docker("start", "\(service.name)-1")
            let converged = try await verification.finish()
            #expect(converged.exitCode == 0, "\(converged.progress)")
            try await remove(service, "1")

            try await make(
                service, "1", compose(service) + ["--entrypoint", "/missing"], verb: ["create"])
            await #expect(throws: (any Error).self) { try await service.engine.docker("start", "\(service.name)-1") }
            try await eventually("the failed start is seen") { try await self.document(agent).state == .exited }
            let document = try await document(agent)
            #expect(document.instances.first?.exitCode == 127)
            #expect(document.reason?.contains("could not be started (exit code 127)") == true)
            try await remove(service, "1")
        }

        @Test("Field 22: two of three instances are not proven, and the third one makes them so")
        func fewer() async throws {
            let (service, digest) = try await promoted()
            for number in 1...2 { try await make(service, "\(number)", compose(service, number: number)) }
            let agent = try await agent(service, "compose:shop/\(service.name),instances=3")
            var verify = verify(agent, digest)
            verify.timeout = Verify.short
            let two = try await verify.run()
            #expect(two.exitCode != 0, "\(two.progress)")
            #expect(two.report.summary.proven == 0)
            #expect(try await document(agent).reason == "2 of 3 instances")
            try await make(service, "3", compose(service, number: 3))
            verify.timeout = "60s"
            let three = try await verify.run()
            #expect(three.exitCode == 0, "\(three.progress)")
            try await remove(service, "1", "2", "3")
        }

        @Test("Field 8: the platform is the one that the engine names")
        func platform() async throws {
            let (service, _) = try await promoted()
            try await make(service, "1", compose(service))
            let agent = try await agent(service, "compose:\(service.name)")
            let machine = try await service.engine.docker("info", "--format", "{{.OSType}} {{.Architecture}}")
                .split(separator: " ").map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
            try #require(machine.count == 2)
            let platform = try #require(try await document(agent).engine?.platform)
            #expect(Platform(parsing: platform) == Platform(os: machine[0], architecture: machine[1]))
            try await remove(service, "1")
        }

        @Test("Field 11: a unit that recreates its container counts as a new instance each time")
        func recreated() async throws {
            let (service, _) = try await promoted()
            let agent = try await agent(service, "container:\(service.name)-unit")
            var ids: Set<String> = []
            var starts: Set<String> = []
            for _ in 1...3 {
                try await make(service, "unit", ["--rm"])
                try await eventually("it serves") { try await self.document(agent).state == .serving }
                let document = try await document(agent)
                #expect(document.leftOut.isEmpty)
                #expect(document.instances.count == 1)
                ids.formUnion(document.instances.map(\.id))
                starts.formUnion(document.instances.compactMap(\.startedAt))
                try await service.engine.docker("stop", "\(service.name)-unit")
                try await eventually("it is gone") { try await self.document(agent).state == .absent }
            }
            #expect(ids.count == 3)
            #expect(starts.count == 3)
        }

        @Test("An image made of a one-off carries its labels: its container is left out, too, and the reason says why")
        func committed() async throws {
            let (service, _) = try await promoted()
            try await make(service, "run-1", compose(service, oneOff: true))
            let image = "\(service.repository):committed"
            try await service.engine.docker("commit", "\(service.name)-run-1", image)
            try await make(service, "1", [], image: image)
            let agent = try await agent(service, "compose:\(service.name)")
            let document = try await document(agent)
            #expect(document.state == .absent)
            #expect(document.reason?.contains("\(service.name)-1 (started for one command)") == true)
            try await remove(service, "1", "run-1")
        }

        /// Uses an engine of its own, since swarm mode affects the whole engine.
        @Test("Field 7: a real Swarm keeps the tasks that it has replaced, and a task that dies counts")
        func swarm() async throws {
            let engine = try await DockerEngine.start()
            try await engine.makeImage("canvas:old", revision: Commit.old)
            try await engine.makeImage("canvas:new", revision: Commit.new)
            try await engine.docker(
                "swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:0")
            try await engine.docker(
                "service", "create", "--detach", "--no-resolve-image", "--name", "shop_canvas", "--network", "host",
                "--container-label", "com.docker.stack.namespace=shop", "--replicas", "2", "canvas:old")
            let agent = try await HostAgent.start(
                "host-1", selector: "swarm:canvas,instances=2", engine: engine)
            var latest = try await document(agent)
            func becomes(_ what: String, _ condition: (Document) -> Bool) async throws {
                try await eventually(what, within: .seconds(60), detail: { "\(latest)" }) {
                    latest = try await document(agent)
                    return condition(latest)
                }
            }
            try await becomes("both tasks run") { $0.state == .serving && $0.gitSHA.value?.hex == Commit.old }
            try await engine.docker(
                "service", "update", "--detach", "--no-resolve-image", "--image", "canvas:new", "--update-parallelism",
                "2", "--update-delay", "0s", "shop_canvas")
            try await becomes("both tasks are replaced") {
                $0.state == .serving && $0.gitSHA.value?.hex == Commit.new && $0.leftOut.count == 2
            }
            #expect(latest.leftOut.allSatisfy { $0.reason == .replaced && $0.name.hasPrefix("shop_canvas.") })
            #expect(latest.instances.map(\.project) == ["shop", "shop"])
            try await engine.docker(
                "service", "update", "--detach", "--args", "/service 0 7", "--restart-condition", "none", "shop_canvas")
            try await becomes("tasks that die, and have no successor, count") { document in
                document.state == .exited && document.instances.contains { $0.exitCode == 7 }
            }
        }
    }
}
