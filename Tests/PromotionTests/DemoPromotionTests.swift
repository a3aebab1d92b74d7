import Glibc
import Support
import Testing

@testable import EndToEndFixtures

@Suite("End to end: promotion demo", .serialized, .timeLimit(.minutes(10)))
struct DemoPromotionTests {
    private func start(in scratch: TemporaryFolder, programs: String? = nil) throws -> RunningProgram {
        let bash = try Program.installed("bash", remedy: "apt-get install bash")
        return try bash.start(
            [try SourceTree.path("scripts/demo-promotion.sh"), try programs ?? Program.productsFolder()],
            environment: [
                "TMPDIR": scratch.path, "HOME": scratch.path,
                // The environment of a pipeline or user must not affect the demo.
                "GITHUB_SHA": Commit.old, "PROD_AUTO_DEPLOY_DISABLED": "1", "BUILDINFO_IMAGE": "registry.invalid/other",
                "https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9",
            ])
    }

    @Test("The demo promotes, proves, respects the kill switch, rolls back a crash loop, and leaves nothing")
    func whole() async throws {
        let scratch = try TemporaryFolder()
        let outcome = try await start(in: scratch).wait(within: .seconds(400))
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        for said in [
            "nothing was written", "converged (exit 0)", "the kill switch is on", "failed_deploy (exit 20)",
            "drift      none", "Result: ",
        ] { #expect(outcome.error.contains(said), "missing '\(said)': \(outcome.error)") }
        // Skopeo shows the same digest for both tags.
        let read = outcome.error.matches(of: /skopeo reads \S+\s+as (sha256:[0-9a-f]{64})/).map { $0.output.1 }
        #expect(read.count == 2 && Set(read).count == 1, "\(outcome.error)")
        #expect(!outcome.error.contains("\u{1B}"), "it draws without a terminal")
        try Demo.expectNothingLeft(in: scratch)
    }

    @Test(
        "An interrupted demo leaves no process and no file",
        arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
    func interrupted(signal: Int32, code: Int32) async throws {
        let scratch = try TemporaryFolder()
        let demo = try start(in: scratch)
        try await eventually("the demo verifies", within: .seconds(200), detail: { demo.error }) {
            demo.exitCode != nil || demo.error.contains("soaking - ")
        }
        #expect(Demo.processes(naming: scratch.path).count >= 5, "engine, registry, forge, agent and collector run")
        demo.signal(signal)
        let outcome = try await demo.wait()
        #expect(outcome.exitCode == code, "\(outcome.error)")
        try Demo.expectNothingLeft(in: scratch)
    }

    @Test("A killed demo leaves no process and no file")
    func killed() async throws {
        let scratch = try TemporaryFolder()
        let demo = try start(in: scratch)
        try await eventually("the demo verifies", within: .seconds(200), detail: { demo.error }) {
            demo.exitCode != nil || demo.error.contains("soaking - ")
        }
        demo.signal(SIGKILL)
        #expect(try await demo.wait().exitCode == 137)
        try await eventually("everything is gone") {
            try scratch.names().isEmpty && Demo.processes(naming: scratch.path).isEmpty
        }
    }

    @Test("The demo fails if a step ends otherwise, and names the difference")
    func broken() async throws {
        let scratch = try TemporaryFolder()
        let programs = try scratch.makeFolder("programs")
        let built = try Program.productsFolder()
        symlink("\(built)/buildinfo-agent", "\(programs)/buildinfo-agent")
        // This collector ignores the kill switch, which the demo must detect.
        let liar = try scratch.write(
            "programs/buildinfo-collector",
            "#!/bin/sh\nunset BUILDINFO_KILL_SWITCH\nexec '\(built)/buildinfo-collector' \"$@\"\n")
        chmod(liar, 0o755)
        let outcome = try await start(in: scratch, programs: programs).wait(within: .seconds(400))
        #expect(outcome.exitCode == 1, "\(outcome.error)")
        #expect(outcome.error.contains("with 20, not with 41"), "\(outcome.error)")
    }
}
