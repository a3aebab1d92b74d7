import Glibc
import Support
import Testing

@testable import EndToEndFixtures

@Suite("End to end, the demo", .timeLimit(.minutes(5)))
struct DemoTests {
    @Test("The demo shows four hosts that converge and one that stays behind, and leaves nothing")
    func plain() async throws {
        let scratch = try TemporaryFolder()
        let outcome = try await Demo.start(in: scratch).wait()
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        #expect(outcome.error.contains("stragglers (exit 10): 1 host"))
        #expect(outcome.error.contains("Result: the deploy claimed success"))
        #expect(!outcome.error.contains("\u{1B}"), "control sequences without a terminal")
        try Demo.expectNothingLeft(in: scratch)
    }

    @Test(
        "An interrupted demo leaves no process and no file",
        arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
    func interrupted(signal: Int32, code: Int32) async throws {
        let scratch = try TemporaryFolder()
        let demo = try Demo.start(in: scratch)
        try await eventually("the demo verifies", detail: { demo.error }) { demo.error.contains("soaking") }
        #expect(Demo.processes(naming: scratch.path).count >= 6, "five agents and a collector run")
        demo.signal(signal)
        let outcome = try await demo.wait()
        #expect(outcome.exitCode == code, "\(outcome.error)")
        try Demo.expectNothingLeft(in: scratch)
    }

    @Test("The demo fails if a step ends otherwise, and names the difference")
    func broken() async throws {
        let scratch = try TemporaryFolder()
        let programs = try scratch.makeFolder("programs")
        let built = try Program.productsFolder()
        symlink("\(built)/buildinfo-agent", "\(programs)/buildinfo-agent")
        // A collector that always succeeds, which the demo has to detect.
        let liar = try scratch.write("programs/buildinfo-collector", "#!/bin/sh\nexit 0\n")
        chmod(liar, 0o755)
        let outcome = try await Demo.start(in: scratch, programs: programs).wait()
        #expect(outcome.exitCode == 1, "\(outcome.error)")
        #expect(outcome.error.contains("verify ended with 0, not with 10"))
    }
}

extension RealEngine {
    @Suite("The demo with containers")
    struct ContainerDemoTests {
        @Test(
            "The demo shows an image that was pulled without recreating the container, and leaves the engine unchanged")
        func docker() async throws {
            let engine = try await SharedEnvironment.shared.engine
            let before = try await engine.docker("images", "--quiet", "--no-trunc")
            let scratch = try TemporaryFolder()
            let outcome = try await Demo.start(
                in: scratch, environment: ["DOCKER": "1", "DOCKER_HOST": engine.address]
            ).wait()
            #expect(outcome.exitCode == 0, "\(outcome.error)")
            #expect(outcome.error.contains("pulled, not recreated"))
            try Demo.expectNothingLeft(in: scratch)
            #expect(
                try await engine.docker("ps", "--all", "--format", "{{.Names}}").contains("buildinfo-demo") == false)
            #expect(try await engine.docker("images", "--quiet", "--no-trunc") == before)
        }
    }
}
