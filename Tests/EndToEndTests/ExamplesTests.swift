import Foundation
import Shared
import Support
import Testing

@testable import EndToEndFixtures

@Suite("End to end, the pipeline examples", .timeLimit(.minutes(5)))
struct ExamplesTests {
    enum Script: String {
        case verify, promote
    }

    /// A registry with a multi-platform image under `staging-<commit>`, a forge that reports green CI for it, and a
    /// host whose agent reports the content of a file.
    private struct Site {
        let registry: LocalRegistry
        let forge: ScriptedGitea
        let step: PipelineStep
        let agent: HostAgent
        /// The former image of `latest`, in tests with one.
        let former = MadeImage.single(revision: Commit.old)
        /// The candidate, an index.
        let image: MadeImage

        var folder: TemporaryFolder { step.folder }

        static func with(_ body: (Site) async throws -> Void) async throws {
            let site = try await make()
            try await body(site)
            await site.forge.stop()
        }

        private static func make() async throws -> Site {
            let step = try PipelineStep()
            let folder = step.folder
            let registry = try await LocalRegistry.start()
            let image = MadeImage.index(
                ["linux/amd64", "linux/arm64"].map {
                    .init(MadeImage.single(revision: Commit.new, platform: $0), $0)
                })
            try registry.push(image, to: "canvas", tag: "staging-\(Commit.new)")
            // skopeo reads a user's registries from here; this one uses plain HTTP.
            _ = try folder.makeFolder(".config/containers")
            try folder.write(
                ".config/containers/registries.conf",
                "[[registry]]\nlocation = \"\(registry.authority)\"\ninsecure = true\n")
            try say(Commit.old, MadeImage.single(revision: Commit.old).digest, in: folder)
            let agent = try await HostAgent.start("host-1", selector: "file:\(folder.path("build.json"))")
            try folder.write("fleet.yaml", "service: canvas\nhosts:\n  - {name: host-1, url: \"\(agent.url)\"}\n")
            let forge = try await ScriptedGitea.start(history: [Commit.new, Commit.old])
            return Site(registry: registry, forge: forge, step: step, agent: agent, image: image)
        }

        private static func say(_ commit: String, _ digest: Digest, in folder: TemporaryFolder) throws {
            try folder.write(
                "build.json", #"{"git_sha":"\#(commit)","digest":"\#(digest)","state":"serving"}"# + "\n")
        }

        /// Sets the build that the host serves.
        func serve(_ commit: String, _ digest: Digest) throws { try Self.say(commit, digest, in: folder) }
        func deploy() throws { try serve(Commit.new, image.digest) }

        func start(
            _ script: Script, _ more: [String: String] = [:], _ arguments: [String] = []
        ) throws -> RunningProgram {
            let environment = [
                "HOME": folder.path, "IMAGE": "\(registry.authority)/canvas", "SHA": Commit.new,
                "FLEET": folder.path("fleet.yaml"), "CONTEXTS": "ci",
                "REPORTS": folder.path("reports"), "COLLECTOR": try Program.collector().path,
            ]
            // As Gitea's runner sets them.
            let runner = [
                "GITEA_ACTIONS": "true", "GITHUB_SERVER_URL": forge.url, "GITHUB_REPOSITORY": "acme/canvas",
                "GITHUB_REF_NAME": "main", "GITHUB_TOKEN": "a-token-of-the-job",
            ].merging(step.environment) { $1 }
            let shell = try Program.installed("sh", remedy: "apt-get install dash")
            return try shell.start(
                [try SourceTree.path("examples/\(script.rawValue).sh"), "--soak", "500ms", "--interval", "200ms"]
                    + arguments,
                environment: environment.merging(script == .promote ? runner : [:]) { $1 }.merging(more) { $1 })
        }

        /// The digest of a tag, read without skopeo; nil if it does not exist.
        func tag(_ name: String) throws -> Digest? {
            var request = LoopbackRequest("GET", registry.authority, "/v2/canvas/manifests/\(name)")
            request.headers = [("Accept", "\(MadeImage.ociIndex), \(MadeImage.ociManifest)")]
            let answer = try #require(request.answer())
            return answer.status == 200 ? Digest(sha256: SHA256.hash(answer.body)) : nil
        }

        func reports() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: folder.path("reports")).sorted()
        }
    }

    // MARK: - Both

    @Test(
        "The script promotes an index by its digest, and is green once the host serves it",
        arguments: [Script.verify, .promote])
    func converges(_ script: Script) async throws {
        try await Site.with { site in
            #expect(try site.tag("latest") == nil)
            let running = try site.start(script)
            try await eventually("the host is behind", detail: { running.error }) { running.error.contains("pending") }
            #expect(try site.tag("latest") == site.image.digest, "the digest changed on its way")
            try site.deploy()
            let outcome = try await running.wait()
            #expect(outcome.exitCode == 0, "\(outcome.error)")
            #expect(outcome.output.contains("\(site.image.digest)"))
            let own = script == .verify ? ["promoted.json"] : []
            #expect(
                try site.reports()
                    == (["evidence.ndjson", "junit.xml", "report.html", "report.json", "report.md"] + own).sorted())
            let json = try site.folder.read("reports/report.json")
            #expect(try await SchemaValidator.defects(json, against: .report).isEmpty)
            #expect(json.contains("\(try #require(site.image.children.first).digest)"), "the index was not looked into")
            #expect(try await XMLValidator.junitDefects([try site.folder.read("reports/junit.xml")]) == "")
        }
    }

    @Test(
        "With a host behind, the script exits with the verdict's code and leaves its reports",
        arguments: [Script.verify, .promote])
    func straggler(_ script: Script) async throws {
        try await Site.with { site in
            let outcome = try await site.start(script, ["GITHUB_ACTIONS": "true"], ["--timeout", "15s"]).wait()
            #expect(outcome.exitCode == 10, "\(outcome.error)")
            let errors = WorkflowRunner.commands(in: outcome.output + outcome.error).filter { $0.name == "error" }
            #expect(
                errors.map { $0.properties["title"] } == [
                    "buildinfo \(script == .verify ? "verify" : "promote") canvas: stragglers (exit 10)",
                    "host-1: straggler",
                ])
            #expect(try site.folder.read("reports/junit.xml").contains("type=\"straggler\""))
            let markdown = try site.folder.read("reports/report.md")
            #expect(markdown.hasPrefix("## ❌ ") && markdown.contains("**stragglers** (exit 10)"), "\(markdown)")
        }
    }

    @Test(
        "A signal to the script interrupts the program, which writes its reports", arguments: [Script.verify, .promote])
    func interrupted(_ script: Script) async throws {
        try await Site.with { site in
            let running = try site.start(script)
            try await eventually("the host is behind", detail: { running.error }) { running.error.contains("pending") }
            // To the shell's process only, which the program has replaced.
            running.signal(SIGTERM)
            let outcome = try await running.wait()
            #expect(outcome.exitCode == 143, "\(outcome.error)")
            #expect(try site.folder.read("reports/junit.xml").contains("name=\"interrupted\""))
        }
    }

    @Test(
        "Without a candidate, the script moves no tag and contacts no host",
        arguments: [
            (Script.verify, Int32(69), "staging-\(Commit.newer): was it built and pushed?"),
            (.promote, 64, "does not exist"),
        ])
    func nothingToPromote(_ script: Script, code: Int32, says: String) async throws {
        try await Site.with { site in
            site.forge.change { $0.history.insert(Commit.newer, at: 0) }
            let outcome = try await site.start(script, ["SHA": Commit.newer]).wait()
            #expect(outcome.exitCode == code, "\(outcome.error)")
            #expect(outcome.error.contains(says), "\(outcome.error)")
            #expect(try site.tag("latest") == nil)
            #expect(!site.folder.contains("reports/report.json"))
            let unset = try await site.start(script, ["IMAGE": ""]).wait()
            #expect(unset.exitCode != 0 && unset.error.contains("IMAGE: set it to the repository"), "\(unset.error)")
        }
    }

    // MARK: - What promote.sh adds

    @Test("promote.sh prints the pin, and fills the step's summary and outputs")
    func summary() async throws {
        try await Site.with { site in
            try site.deploy()
            let outcome = try await site.start(.promote).wait()
            #expect(outcome.exitCode == 0, "\(outcome.error)")
            #expect(outcome.output.contains("CANVAS_IMAGE_TAG=staging-\(Commit.new)@\(site.image.digest)\n"))
            #expect(try site.step.outputs()["verdict"] == "converged")
            let summary = try site.folder.read("summary")
            #expect(summary.hasPrefix("## ✅ ") && summary.contains("**converged** (exit 0)"), "\(summary)")
        }
    }

    @Test("promote.sh moves no tag if CI is red or no context is named")
    func refused() async throws {
        try await Site.with { site in
            site.forge.change { $0.status = "failure" }
            let red = try await site.start(.promote).wait()
            #expect(red.exitCode == 41, "\(red.error)")
            site.forge.change { $0.status = "success" }
            let unset = try await site.start(.promote, ["CONTEXTS": ""]).wait()
            #expect(
                unset.exitCode != 0 && unset.error.contains("CONTEXTS: set it to the CI contexts that must be green"))
            #expect(try site.tag("latest") == nil)
        }
    }

    @Test("promote.sh rolls back a build that fails on the fleet, and still fails")
    func takenBack() async throws {
        try await Site.with { site in
            try site.registry.push(site.former, to: "canvas", tag: "latest")
            // The right commit in another image.
            let wrong = MadeImage.single(revision: Commit.new, salt: "wrong")
            try site.serve(Commit.new, wrong.digest)
            let running = try site.start(.promote)
            try await eventually("the tag is put back", detail: { running.error }) {
                try running.exitCode != nil
                    || running.error.contains("rolling back because of") && site.tag("latest") == site.former.digest
            }
            try site.serve(Commit.old, site.former.digest)
            let outcome = try await running.wait()
            #expect(outcome.exitCode == 20, "\(outcome.error)")
            #expect(try site.tag("latest") == site.former.digest)
            #expect(try site.step.outputs()["verdict"] == "failed_deploy")
            #expect(try site.folder.read("reports/report.md").contains("put back to \(Commit.old.prefix(12))"))
        }
    }

    // MARK: - On a host

    @Test("host-update.sh pulls before it recreates the container, and keeps it if the pull failed")
    func hostUpdate() async throws {
        let folder = try TemporaryFolder()
        let place = try folder.makeFolder("canvas")
        let bin = try folder.makeFolder("bin")
        // Not every machine has docker compose: a stand-in records its arguments.
        let docker = try folder.write(
            "bin/docker",
            "#!/bin/sh\necho \"$PWD: $*\" >>'\(folder.path("log"))'\n[ \"$2\" != \"$FAILS\" ] || exit 18\n")
        chmod(docker, 0o755)
        let script = try SourceTree.path("examples/host-update.sh")
        let shell = try Program.installed("sh", remedy: "apt-get install dash")
        let path = "\(bin):/usr/bin:/bin"
        let failed = try await shell.run([script, place], environment: ["PATH": path, "FAILS": "pull"])
        #expect(failed.exitCode == 18, "\(failed.error)")
        #expect(try folder.read("log") == "\(place): compose pull --quiet canvas\n")
        let outcome = try await shell.run([script, place], environment: ["PATH": path, "FAILS": ""])
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        let calls = try folder.read("log").split(separator: "\n")
        #expect(calls.count == 3 && calls[2].hasPrefix("\(place): compose up --detach"), "\(calls)")
        // A second update does nothing while another one runs.
        let flock = try Program.installed("flock", remedy: "apt-get install util-linux")
        let second = try await flock.run(
            ["\(place)/.update.lock", shell.path, script, place], environment: ["PATH": path, "FAILS": ""])
        #expect(second.exitCode == 0, "\(second.error)")
        #expect(try folder.read("log").split(separator: "\n").count == 3)
    }
}
