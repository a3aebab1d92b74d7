import Foundation
import Shared
import Support
import Testing

@Suite("End to end, the pipeline examples", .timeLimit(.minutes(5)))
struct ExamplesTests {
    /// A registry with a multi-platform image under `staging-<commit>`, and a host whose agent says what a file says.
    private struct Site {
        let registry: LocalRegistry
        let folder: TemporaryFolder
        let agent: HostAgent
        /// Of the index, and of one manifest in it.
        let index: Digest
        let manifest: Digest

        static func make() async throws -> Site {
            let folder = try TemporaryFolder()
            let registry = try await LocalRegistry.start()
            let layout = try ImageLayout(folder: folder.path("layout"), revision: Commit.new)
            let skopeo = try Program.installed("skopeo", remedy: "apt-get install skopeo")
            // Where skopeo looks for a user's own registries: this one speaks plain HTTP.
            _ = try folder.makeFolder(".config/containers")
            try folder.write(
                ".config/containers/registries.conf",
                "[[registry]]\nlocation = \"\(registry.authority)\"\ninsecure = true\n")
            let environment = ["HOME": folder.path]
            let target = "docker://\(registry.authority)/canvas:staging-\(Commit.new)"
            let outcome = try await skopeo.run(
                ["copy", "--all", "--preserve-digests", "oci:\(folder.path("layout")):new", target],
                environment: environment)
            try #require(outcome.exitCode == 0, "\(outcome.error)")
            let earlier = try #require(Digest(sha256: SHA256.hash(Array("an earlier build".utf8))))
            try write(Commit.old, digest: earlier, in: folder)
            let agent = try await HostAgent.start("host-1", selector: "file:\(folder.path("build.json"))")
            try folder.write("fleet.yaml", "service: canvas\nhosts:\n  - {name: host-1, url: \"\(agent.url)\"}\n")
            return Site(
                registry: registry, folder: folder, agent: agent, index: layout.index, manifest: layout.manifest)
        }

        static func write(_ commit: String, digest: Digest, in folder: TemporaryFolder) throws {
            try folder.write(
                "build.json", #"{"git_sha":"\#(commit)","digest":"\#(digest)","state":"serving"}"# + "\n")
        }

        func deploy() throws { try Self.write(Commit.new, digest: index, in: folder) }

        func start(_ more: [String: String] = [:], _ arguments: [String] = []) throws -> RunningProgram {
            let environment = [
                "HOME": folder.path, "IMAGE": "\(registry.authority)/canvas", "SHA": Commit.new,
                "FLEET": folder.path("fleet.yaml"),
                "REPORTS": folder.path("reports"), "COLLECTOR": try Program.collector().path,
            ]
            let shell = try Program.installed("sh", remedy: "apt-get install dash")
            return try shell.start(
                [try SourceTree.path("examples/verify.sh"), "--soak", "500ms", "--interval", "200ms"] + arguments,
                environment: environment.merging(more) { $1 })
        }

        /// The digest of a tag, read without skopeo; nil where there is none.
        func tag(_ name: String) throws -> Digest? {
            var request = LoopbackRequest("GET", registry.authority, "/v2/canvas/manifests/\(name)")
            request.headers = [("Accept", "application/vnd.oci.image.index.v1+json")]
            let answer = try #require(request.answer())
            return answer.status == 200 ? Digest(sha256: SHA256.hash(answer.body)) : nil
        }
    }

    @Test("verify.sh promotes an index by its digest, and is green once the host serves it")
    func converges() async throws {
        let site = try await Site.make()
        #expect(try site.tag("latest") == nil)
        let running = try site.start()
        try await eventually("the host is behind", detail: { running.error }) { running.error.contains("pending") }
        #expect(try site.tag("latest") == site.index, "the digest changed on its way")
        try site.deploy()
        let outcome = try await running.wait()
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        #expect(outcome.output.contains("\(site.index)"))
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: site.folder.path("reports")).sorted() == [
                "evidence.ndjson", "junit.xml", "promoted.json", "report.html", "report.json", "report.md",
            ])
        let json = try site.folder.read("reports/report.json")
        #expect(try await SchemaValidator.defects(json, against: .report).isEmpty)
        #expect(json.contains("\(site.manifest)"), "what the index holds was not passed on")
        #expect(try await XMLValidator.junitDefects([try site.folder.read("reports/junit.xml")]) == "")
    }

    @Test("verify.sh ends with verify's exit code, and leaves its reports, where a host stays behind")
    func straggler() async throws {
        let site = try await Site.make()
        let outcome = try await site.start(["GITHUB_ACTIONS": "true"], ["--timeout", "15s"]).wait()
        #expect(outcome.exitCode == 10, "\(outcome.error)")
        let errors = WorkflowRunner.commands(in: outcome.output + outcome.error).filter { $0.name == "error" }
        #expect(
            errors.map { $0.properties["title"] } == [
                "buildinfo verify canvas: stragglers (exit 10)", "host-1: straggler",
            ])
        #expect(try site.folder.read("reports/junit.xml").contains("type=\"straggler\""))
        #expect(try site.folder.read("reports/report.md").hasPrefix("## ❌ stragglers"))
    }

    @Test("verify.sh is interrupted as verify is, with its reports")
    func interrupted() async throws {
        let site = try await Site.make()
        let running = try site.start()
        try await eventually("the host is behind", detail: { running.error }) { running.error.contains("pending") }
        // To the shell alone, which verify has taken the place of.
        running.signal(SIGTERM)
        let outcome = try await running.wait()
        #expect(outcome.exitCode == 143, "\(outcome.error)")
        #expect(try site.folder.read("reports/junit.xml").contains("name=\"interrupted\""))
    }

    @Test("verify.sh moves nothing and asks no host where there is nothing to promote")
    func nothingToPromote() async throws {
        let site = try await Site.make()
        let outcome = try await site.start(["SHA": Commit.newer]).wait()
        #expect(outcome.exitCode == 69, "\(outcome.error)")
        #expect(outcome.error.contains("staging-\(Commit.newer) cannot be read: was it built and pushed?"))
        #expect(try site.tag("latest") == nil)
        #expect(!site.folder.contains("reports/report.json"))
        let unset = try await site.start(["IMAGE": ""]).wait()
        #expect(unset.exitCode != 0 && unset.error.contains("IMAGE: set it to the repository"), "\(unset.error)")
    }
}

/// An image for two platforms in an OCI layout (OCI Image Format, image-layout.md), made without an engine.
private struct ImageLayout {
    let index: Digest
    let manifest: Digest

    init(folder: String, revision: String) throws {
        let blobs = "\(folder)/blobs/sha256"
        try FileManager.default.createDirectory(atPath: blobs, withIntermediateDirectories: true)
        func store(_ text: String) throws -> (digest: Digest, size: Int) {
            let digest = try #require(Digest(sha256: SHA256.hash(Array(text.utf8))))
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(blobs)/\(digest.hex)"))
            return (digest, text.utf8.count)
        }
        func descriptor(_ type: String, _ blob: (digest: Digest, size: Int), _ more: String = "") -> String {
            #"{"mediaType":"application/vnd.oci.image.\#(type)","digest":"\#(blob.digest)","size":\#(blob.size)\#(more)}"#
        }
        // A layer is a tar archive, and two empty blocks are one.
        let layer = try store(String(repeating: "\0", count: 1_024))
        let manifests = try ["amd64", "arm64"].map { architecture in
            let configuration = try store(
                #"{"architecture":"\#(architecture)","os":"linux","config":{"Labels":"#
                    + #"{"org.opencontainers.image.revision":"\#(revision)"}},"#
                    + #""rootfs":{"type":"layers","diff_ids":["\#(layer.digest)"]}}"#)
            return try store(
                #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":"#
                    + descriptor("config.v1+json", configuration)
                    + #","layers":[\#(descriptor("layer.v1.tar", layer))]}"#)
        }
        let entries = zip(manifests, ["amd64", "arm64"]).map { manifest, architecture in
            descriptor(
                "manifest.v1+json", manifest, #","platform":{"architecture":"\#(architecture)","os":"linux"}"#)
        }
        let index = try store(
            #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":"#
                + "[\(entries.joined(separator: ","))]}")
        let name = #","annotations":{"org.opencontainers.image.ref.name":"new"}"#
        let files = [
            ("oci-layout", #"{"imageLayoutVersion":"1.0.0"}"#),
            ("index.json", #"{"schemaVersion":2,"manifests":[\#(descriptor("index.v1+json", index, name))]}"#),
        ]
        for (file, text) in files { try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(file)")) }
        self.index = index.digest
        manifest = manifests[0].digest
    }
}
