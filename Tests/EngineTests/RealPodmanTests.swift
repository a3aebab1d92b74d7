import Glibc
import Shared
import Support
import Testing

@testable import EndToEndFixtures

extension RealEngine {
    @Suite("Podman as people have it")
    struct RealPodmanTests {
        private static let empty = "mount -t tmpfs none /run && exec \"$@\""

        /// Starts an agent with an empty /run, so that it finds none of this machine's engines at a default path.
        private static func bare(_ arguments: [String], _ environment: [String: String]) throws -> RunningProgram {
            let unshare = try Program.installed("unshare", remedy: "apt-get install util-linux")
            return try unshare.start(
                ["--mount", "/bin/sh", "-ec", empty, "sh", try Program.agent().path] + arguments
                    + ["--host-id", "id-of-host-1"], environment: environment)
        }

        @Test("Field 18: rootful Podman: commit, registry digest and state are right, and a verification converges")
        func rootful() async throws {
            let (podman, registry) = (try await PodmanEngine.start(), try await SharedEnvironment.registry)
            let reference = "\(registry.authority)/podman-canvas"
            try await podman.makeImage("\(reference):staging-\(Commit.new)", revision: Commit.new)
            try await podman.podman("push", "--tls-verify=false", "\(reference):staging-\(Commit.new)")
            let digest = try registry.promote("podman-canvas", from: "staging-\(Commit.new)")
            try await podman.podman("rmi", "--force", "\(reference):staging-\(Commit.new)")
            try await podman.podman("pull", "--tls-verify=false", "\(reference):latest")
            try await podman.run("canvas", "\(reference):latest")
            let agent = try await HostAgent.start(
                "host-1", selector: "container:canvas", arguments: ["--engine", podman.address])

            let document = try await agent.document()
            #expect(document.contains(#""git_sha":"\#(Commit.new)""#), "\(document)")
            #expect(document.contains(digest.description), "\(document)")
            #expect(document.contains(#""state":"serving""#) && document.contains(#""name":"podman""#), "\(document)")
            let result = try await Verify(hosts: [agent.host], sha: Commit.new, digest: digest).run()
            #expect(result.exitCode == 0, "\(result.progress)")

            try await podman.podman("stop", "--time", "1", "canvas")
            try await eventually("a stopped container is seen") {
                try await agent.document().contains(#""state":"exited""#)
            }
            try await podman.podman("start", "canvas")
            try await eventually("a started one is, too") { try await agent.document().contains(#""state":"serving""#) }
        }

        @Test("Field 18: a user's own Podman is found where it usually is, and CONTAINER_HOST names one")
        func rootless() async throws {
            let podman = try await PodmanEngine.start(rootless: true)
            try await podman.makeImage("registry.example/canvas:1", revision: Commit.new)
            try await podman.run("canvas", "registry.example/canvas:1")
            let services = ["print", "--service", "canvas=container:canvas"]
            let environments = [["XDG_RUNTIME_DIR": podman.runtimeFolder], ["CONTAINER_HOST": podman.address]]
            for environment in environments {
                let outcome = try await Self.bare(services, environment).wait()
                #expect(outcome.exitCode == 0, "\(environment): \(outcome.output)\(outcome.error)")
                #expect(outcome.output.contains(#""git_sha":"\#(Commit.new)""#), "\(outcome.output)")
            }
            // As that user, who has no other access on this machine.
            let setpriv = try Program.installed("setpriv", remedy: "apt-get install util-linux")
            let user = ["--reuid", "\(PodmanEngine.user)", "--regid", "\(PodmanEngine.user)", "--clear-groups"]
            chmod(try Program.productsFolder(), 0o755)
            let outcome = try await setpriv.run(
                user + [try Program.agent().path] + services + ["--host-id", "id-of-host-1", "--engine", podman.socket])
            #expect(outcome.exitCode == 0, "\(outcome.output)\(outcome.error)")
        }

        @Test("Field 18: without an engine, the reason lists every place that was tried")
        func nothing() async throws {
            let folder = try TemporaryFolder()
            let environment = ["XDG_RUNTIME_DIR": folder.path]
            let printed = try await Self.bare(["print", "--service", "canvas=container:canvas"], environment).wait()
            #expect(printed.exitCode == 69)
            let checked = try await Self.bare(["check", "--service", "canvas=container:canvas"], environment).wait()
            #expect(checked.exitCode == 69)
            for place in [
                "/run/docker.sock", "\(folder.path)/docker.sock", "/run/podman/podman.sock",
                "\(folder.path)/podman/podman.sock",
            ] {
                #expect(printed.output.contains("\(place) (missing)"), "\(printed.output)")
                #expect(checked.output.contains("\(place) (missing)"), "\(checked.output)")
            }
        }
    }
}
