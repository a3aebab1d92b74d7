import Foundation
import Shared
import Support
import Testing

/// An environment for promotions: an in-memory registry, a forge, a host with an agent, and a ledger.
struct Promoter: Sendable {
    let registry: MemoryRegistry
    let forge: ScriptedGitea
    let folder: TemporaryFolder
    let agent: HostAgent
    let old: MadeImage
    let new: MadeImage

    static let elder = String(repeating: "0e", count: 20)
    static let docs = String(repeating: "d0c5", count: 10)
    static let stranger = String(repeating: "f0", count: 20)

    /// Both builds are pushed as candidates, `latest` is the old one, and the host serves it.
    ///
    /// - Parameter isIndex: true for builds that are indexes with attestations.
    static func make(isIndex: Bool = false) async throws -> Promoter {
        let registry = try await MemoryRegistry.start()
        func build(_ commit: String) -> MadeImage { isIndex ? .usual(revision: commit) : .single(revision: commit) }
        let (old, new) = (build(Commit.old), build(Commit.new))
        registry.push(old, "staging-\(Commit.old)")
        registry.push(new, "staging-\(Commit.new)")
        registry.push(old, "latest")
        let forge = try await ScriptedGitea.start(history: [Commit.new, Commit.old, elder])
        let folder = try TemporaryFolder()
        try Self.serve(old, Commit.old, in: folder)
        let agent = try await HostAgent.start("host-1", selector: "file:\(folder.path("build.json"))")
        try folder.write(
            "fleet.yaml", "service: canvas\nhosts:\n  - {name: host-1, url: \"\(agent.url)\", id: id-of-host-1}\n")
        return Promoter(registry: registry, forge: forge, folder: folder, agent: agent, old: old, new: new)
    }

    func stop() async {
        await registry.stop()
        await forge.stop()
    }

    /// Sets the build that the host's agent reports.
    func serve(_ image: MadeImage, _ commit: String) throws { try Self.serve(image, commit, in: folder) }

    static func serve(_ image: MadeImage, _ commit: String, in folder: TemporaryFolder) throws {
        let text = #"{"git_sha":"\#(commit)","digest":"\#(image.digest)","state":"serving"}"#
        try folder.write("build.new", text)
        guard rename(folder.path("build.new"), folder.path("build.json")) == 0 else { throw POSIXError(.EIO) }
    }

    /// Makes the host follow the tag at once, as if it pulled and recreated.
    func followTag() {
        let (registry, folder, old, new) = (registry, folder, old, new)
        registry.behave { request, _ in
            guard request.method == "PUT" else { return .honest }
            return .honestThen {
                let isNew = registry.tag("latest") == new.digest
                try? Self.serve(isNew ? new : old, isNew ? Commit.new : Commit.old, in: folder)
            }
        }
    }

    /// The arguments of a pipeline.
    func arguments(_ more: [String] = [], sha: String = Commit.new, verifies: Bool = false) -> [String] {
        var arguments = [
            "promote", "--image", "\(registry.authority)/canvas", "--sha", sha, "--context", "ci", "--branch", "main",
            "--forge", "gitea", "--forge-url", forge.url, "--repository", "acme/canvas", "--store",
            folder.path("ledger.db"), "--registry-timeout", "10s", "--ci-timeout", "3s", "--ci-interval", "100ms",
            "--readback-timeout", "3s", "--progress", "plain", "--by", "a test",
        ]
        arguments +=
            verifies
            ? [
                "--fleet", folder.path("fleet.yaml"), "--soak", "1s", "--interval", "200ms", "--timeout", "60s",
                "--report", "json=\(folder.path("report.json"))",
            ] : ["--service", "canvas", "--no-verify"]
        return arguments + more
    }

    func start(_ more: [String] = [], sha: String = Commit.new, verifies: Bool = false) throws -> RunningProgram {
        try Program.collector().start(
            arguments(more, sha: sha, verifies: verifies),
            environment: ["HOME": folder.path, "GITEA_TOKEN": Self.token])
    }

    static let token = "s3cret-of-the-forge"

    func run(
        _ more: [String] = [], sha: String = Commit.new, verifies: Bool = false
    ) async throws -> RunningProgram.Outcome {
        let outcome = try await start(more, sha: sha, verifies: verifies).wait()
        #expect(!(outcome.output + outcome.error).contains(Self.token))
        return outcome
    }

    /// `kind state generation digest` of each change in the journal, oldest first.
    func journal() async throws -> [String] {
        try await LedgerRows(path: folder.path("ledger.db")).text(
            "SELECT kind || ' ' || state || ' ' || generation || ' ' || substr(digest, 8, 8) FROM journal ORDER BY number"
        )
    }

    func promotions() async throws -> [String] {
        try await LedgerRows(path: folder.path("ledger.db")).text(
            "SELECT generation || ' ' || substr(digest, 8, 8) FROM promotions ORDER BY generation")
    }

    /// The permissions of changes to a build that does not descend from the current one, oldest first.
    func permissions() async throws -> [String] {
        try await LedgerRows(path: folder.path("ledger.db")).text(
            "SELECT permission FROM journal WHERE permission IS NOT NULL ORDER BY number")
    }

    /// Promotes and proves the old build: generation 1.
    func proveOld() async throws {
        forge.change { $0.history = [Commit.old, Self.elder] }
        let outcome = try await run(sha: Commit.old, verifies: true)
        #expect(outcome.exitCode == 0, "\(outcome.error)")
        forge.change { $0.history = [Commit.new, Commit.old, Self.elder] }
    }

    /// The arguments of a rollback.
    func rollbackArguments(_ more: [String], verifies: Bool = true) -> [String] {
        var arguments = [
            "rollback", "--image", "\(registry.authority)/canvas", "--store", folder.path("ledger.db"),
            "--registry-timeout", "10s", "--readback-timeout", "3s", "--progress", "plain", "--by", "a test",
        ]
        arguments +=
            verifies
            ? [
                "--fleet", folder.path("fleet.yaml"), "--soak", "1s", "--interval", "200ms", "--timeout", "60s",
                "--report", "json=\(folder.path("report.json"))",
            ] : ["--service", "canvas", "--no-verify"]
        return arguments + more
    }

    func startRollback(_ more: [String] = [], verifies: Bool = true) throws -> RunningProgram {
        try Program.collector().start(rollbackArguments(more, verifies: verifies), environment: ["HOME": folder.path])
    }

    func rollback(_ more: [String] = [], verifies: Bool = true) async throws -> RunningProgram.Outcome {
        try await startRollback(more, verifies: verifies).wait()
    }

    /// The digest as the journal's rows show it.
    func short(_ image: MadeImage) -> String { String("\(image.digest)".dropFirst(7).prefix(8)) }
}
