import Foundation
import Shared
import Support
import Synchronization
import Testing

@testable import EndToEndFixtures

@Suite("End to end: promote", .timeLimit(.minutes(10)))
struct PromoteTests {
    private func with(_ body: (Promoter) async throws -> Void) async throws {
        let promoter = try await Promoter.make()
        try await body(promoter)
        await promoter.stop()
    }

    @Test(
        "A promotion moves the tag byte for byte, journals it, and proves the fleet"
    )
    func converges() async throws {
        try await with { promoter in
            promoter.followTag()
            let outcome = try await promoter.run(verifies: true)
            #expect(outcome.exitCode == 0, "\(outcome.error)")
            #expect(promoter.registry.tag("latest") == promoter.new.digest)
            #expect(promoter.registry.bytes(promoter.new.digest) == promoter.new.manifest.bytes)
            #expect(promoter.registry.writes == 1)
            #expect(try await promoter.journal() == ["promotion moved 1 \(promoter.short(promoter.new))"])
            #expect(try await promoter.promotions() == ["1 \(promoter.short(promoter.new))"])
            #expect(outcome.output == "CANVAS_IMAGE_TAG=staging-\(Commit.new)@\(promoter.new.digest)\n")
            let json = try promoter.folder.read("report.json")
            #expect(try await SchemaValidator.defects(json, against: .report).isEmpty)
            let report = try JSONDecoder().decode(Story.self, from: Data(json.utf8))
            #expect(report.verdict == "converged")
            #expect(report.target.generation == 1)
            #expect(report.promotion?.formerDigest == "\(promoter.old.digest)")
            #expect(report.promotion?.contexts == ["ci": "success"])
            #expect(
                report.promotion?.steps.map(\.step) == ["kill switch", "CI", "branch", "registry", "ancestry", "tag"])
            // The same again: nothing is written, and no second promotion is recorded.
            let again = try await promoter.run(verifies: true)
            #expect(again.exitCode == 0, "\(again.error)")
            #expect(promoter.registry.writes == 1)
            #expect(try await promoter.promotions().count == 1)
        }
    }

    private struct Story: Decodable {
        struct Step: Decodable { var step: String }
        struct Rollback: Decodable {
            var said: String
            var generation: Int?
            var verdict: String?
        }
        struct Promotion: Decodable {
            var formerDigest: String?
            var contexts: [String: String]
            var steps: [Step]
            var rollback: Rollback?

            private enum CodingKeys: String, CodingKey {
                case contexts, steps, rollback
                case formerDigest = "former_digest"
            }
        }
        struct Target: Decodable { var generation: Int? }
        var verdict: String
        var target: Target
        var promotion: Promotion?
        var warnings: [String]
    }

    @Test("A dry run prints the plan and writes nothing")
    func dry() async throws {
        try await with { promoter in
            let outcome = try await promoter.run(["--dry-run"])
            #expect(outcome.exitCode == 0, "\(outcome.error)")
            #expect(outcome.output.contains("would move \(promoter.registry.authority)/canvas:latest"))
            #expect(outcome.output.contains("\(promoter.old.digest) (\(Commit.old.prefix(12)))"))
            #expect(outcome.output.contains("nothing was written\nCANVAS_IMAGE_TAG=staging-\(Commit.new)@"))
            #expect(promoter.registry.writes == 0)
            #expect(!promoter.folder.contains("ledger.db"))
        }
    }

    /// A rule of the gate: the fault, and the expected end.
    struct Rule: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var code: Int32
        var says: String
        var arguments: [String] = []
        var sha = Commit.new
        /// True if the journal keeps the change open because its outcome is unknown.
        var isLeftOpen = false
        var prepare: @Sendable (Promoter) async throws -> Void = { _ in }

        init(
            _ name: String, _ code: Int32, _ says: String, _ arguments: [String] = [], sha: String = Commit.new,
            isLeftOpen: Bool = false, _ prepare: @escaping @Sendable (Promoter) async throws -> Void = { _ in }
        ) {
            (testDescription, self.code, self.says, self.arguments) = (name, code, says, arguments)
            (self.sha, self.isLeftOpen, self.prepare) = (sha, isLeftOpen, prepare)
        }
    }

    static let rules: [Rule] = [
        Rule("kill switch on", 41, "the kill switch is on", ["--kill-switch", "gitea-variable:HOLD"]) {
            $0.forge.change { $0.variable = "1" }
        },
        Rule("kill switch off", 0, "off: gitea-variable:HOLD", ["--kill-switch", "gitea-variable:HOLD"]) {
            $0.forge.change { $0.variable = "off" }
        },
        Rule(
            "unreadable kill switch", 41, "cannot be checked (its folder is missing)",
            ["--kill-switch", "file:/nowhere/at/all"]),
        Rule("CI failed", 41, "failure") { $0.forge.change { $0.status = "failure" } },
        Rule("CI pending until the timeout", 41, "pending") { $0.forge.change { $0.status = "pending" } },
        Rule("the forge answers with HTML", 69, "instead of JSON") {
            $0.forge.change {
                $0.instead = .answer(
                    status: 200, headers: [("Content-Type", "text/html")], body: Array("<html>".utf8))
            }
        },
        Rule(
            "Field 10: a newer commit on the branch has a candidate", 40,
            "has a candidate in the registry"
        ) {
            $0.forge.change { $0.history.insert(contentsOf: [Promoter.docs, Promoter.stranger], at: 0) }
            $0.registry.push(MadeImage.single(revision: Promoter.stranger), "staging-\(Promoter.stranger)")
        },
        Rule("Field 10: the newer commit has no candidate", 0, "1 newer commit without a candidate") {
            $0.forge.change { $0.history.insert(Promoter.docs, at: 0) }
        },
        Rule(
            "Field 10: with --superseded-by head, any newer commit supersedes", 40, "superseded",
            ["--superseded-by", "head"]
        ) {
            $0.forge.change { $0.history.insert(Promoter.docs, at: 0) }
        },
        Rule(
            "Field 10: the registry does not answer whether a newer candidate exists", 69, "staging-\(Promoter.docs)"
        ) {
            $0.forge.change { $0.history.insert(Promoter.docs, at: 0) }
            $0.registry.behave { request, _ in
                request.path.hasSuffix("staging-\(Promoter.docs)") ? .instead(.status(403)) : .honest
            }
        },
        Rule(
            "Field 10: any newer commit supersedes a candidate that does not name its commit", 40, "superseded",
            ["--from", "nightly"]
        ) {
            $0.forge.change { $0.history.insert(Promoter.docs, at: 0) }
            $0.registry.push($0.new, "nightly")
        },
        Rule("the branch was rewritten", 41, "rewritten") {
            $0.forge.change { $0.history = [Promoter.stranger, Promoter.elder] }
        },
        Rule("not a descendant of the promoted build", 41, "--allow-rollback") {
            let other = MadeImage.single(revision: Promoter.stranger)
            $0.registry.push(other, "latest")
        },
        Rule("the promoted build does not state its commit", 41, "--skip-ancestry") {
            $0.registry.push(MadeImage.single(revision: nil), "latest")
        },
        Rule("the ancestry is skipped", 0, "not checked because of --skip-ancestry", ["--skip-ancestry"]) {
            $0.registry.push(MadeImage.single(revision: nil), "latest")
        },
        Rule(
            "the ancestry is skipped, and the commit is superseded", 40, "has a candidate in the registry",
            ["--skip-ancestry"]
        ) {
            $0.forge.change { $0.history.insert(Promoter.stranger, at: 0) }
            $0.registry.push(MadeImage.single(revision: Promoter.stranger), "staging-\(Promoter.stranger)")
        },
        Rule("candidates have another pattern", 0, "build-\(Commit.new)", ["--candidate", "build-{sha}"]) {
            $0.registry.push($0.new, "build-\(Commit.new)")
        },
        Rule(
            "a candidate of another pattern never moves", 64, "never moves",
            ["--candidate", "build-{sha}", "--to", "build-\(Commit.old)", "--moving-tag", "build-\(Commit.old)"]),
        Rule("a pattern without a commit", 64, "{sha}", ["--candidate", "build"]),
        Rule("rollback is allowed", 0, "allowed by --allow-rollback", ["--allow-rollback"]) {
            $0.registry.push(MadeImage.single(revision: Promoter.stranger), "latest")
        },
        Rule("first promotion of a tag", 0, "does not exist yet", ["--to", "stable", "--moving-tag", "stable"]),
        Rule("an undeclared tag", 64, "--moving-tag stable", ["--to", "stable"]),
        Rule("a tag that names one build", 64, "never moves", ["--to", "v1", "--moving-tag", "v1"]),
        Rule("another commit's candidate", 64, "a candidate of another commit", ["--from", "staging-\(Commit.old)"]),
        Rule("no such candidate", 64, "does not exist", ["--from", "nothing"]),
        Rule("the candidate is of another commit", 64, "was not built from", ["--from", "mislabelled"]) {
            $0.registry.push(MadeImage.single(revision: Commit.old, salt: "x"), "mislabelled")
        },
        Rule("one platform is of another commit", 64, "was not built from", ["--from", "half"]) {
            $0.registry.push(
                MadeImage.index([
                    .init(MadeImage.single(revision: Commit.new), "linux/amd64"),
                    .init(MadeImage.single(revision: Commit.old, platform: "linux/arm64"), "linux/arm64"),
                ]), "half")
        },
        Rule("the registry is down", 69, "could not read") { promoter in
            promoter.registry.behave { _, _ in .instead(.status(503)) }
        },
        Rule("the registry requires a login", 69, "no access to") { promoter in
            promoter.registry.behave { _, _ in .instead(.status(403)) }
        },
        Rule("the tag cannot be read", 69, "could not read") { promoter in
            promoter.registry.behave { request, _ in
                request.path.hasSuffix("/latest") ? .instead(.status(500)) : .honest
            }
        },
        Rule("bytes that do not match the digest", 69, "does not match its Docker-Content-Digest") { promoter in
            promoter.registry.behave { request, _ in
                request.path.hasSuffix("/staging-\(Commit.new)")
                    ? .instead(
                        .answer(
                            status: 200,
                            headers: [
                                ("Content-Type", MadeImage.ociManifest),
                                ("Docker-Content-Digest", "\(promoter.old.digest)"),
                            ], body: promoter.new.manifest.bytes)) : .honest
            }
        },
        Rule("writing is refused", 69, "these credentials do not permit it") { promoter in
            promoter.registry.behave { request, _ in request.method == "PUT" ? .instead(.status(403)) : .honest }
        },
        Rule("the write is acknowledged but not done", 69, "still is", isLeftOpen: true) { promoter in
            promoter.registry.behave { request, _ in request.method == "PUT" ? .instead(.status(201)) : .honest }
        },
        Rule("the write is done but its answer is lost", 0, "read back") { promoter in
            promoter.registry.behave { request, _ in request.method == "PUT" ? .doneBut(.close) : .honest }
        },
    ]

    @Test("Each rule of the gate ends with its exit code and reason, and moves the tag or not", arguments: rules)
    func gate(_ rule: Rule) async throws {
        try await with { promoter in
            try await rule.prepare(promoter)
            let before = (promoter.registry.tag("latest"), promoter.registry.tag("stable"))
            let outcome = try await promoter.run(rule.arguments, sha: rule.sha)
            #expect(outcome.exitCode == rule.code, "\(outcome.error)")
            #expect(outcome.error.contains(rule.says), "\(outcome.error)")
            let after = (promoter.registry.tag("latest"), promoter.registry.tag("stable"))
            #expect((before == after) == (rule.code != 0))
            #expect(try await promoter.promotions().count == (rule.code == 0 ? 1 : 0))
            #expect(try await promoter.journal().contains { $0.contains("intended") } == rule.isLeftOpen)
        }
    }

    @Test("Without a forge, --skip-ancestry promotes, and the journal records it")
    func withoutForge() async throws {
        try await with { promoter in
            func promote(_ more: String...) async throws -> RunningProgram.Outcome {
                try await Program.collector().run(
                    [
                        "promote", "--image", "\(promoter.registry.authority)/canvas", "--service", "canvas", "--sha",
                        Commit.new, "--no-ci", "--no-verify", "--store", promoter.folder.path("ledger.db"),
                        "--readback-timeout", "3s", "--progress", "plain",
                    ] + more, environment: ["HOME": promoter.folder.path])
            }
            let refused = try await promote()
            #expect(refused.exitCode == 41, "\(refused.error)")
            #expect(refused.error.contains("give --forge, or --skip-ancestry to skip this check"), "\(refused.error)")
            let promoted = try await promote("--skip-ancestry")
            #expect(promoted.exitCode == 0, "\(promoted.error)")
            #expect(promoter.registry.tag("latest") == promoter.new.digest)
            #expect(try await promoter.permissions() == ["--skip-ancestry"])
        }
    }

    @Test("The kill switch is read again right before the tag is written")
    func lateSwitch() async throws {
        try await with { promoter in
            let path = promoter.folder.path("hold")
            promoter.registry.behave { request, _ in
                // Turned on while the candidate is being read.
                request.path.contains("/blobs/")
                    ? .honestThen { try? "yes".write(toFile: path, atomically: true, encoding: .utf8) } : .honest
            }
            let outcome = try await promoter.run(["--kill-switch", "file:\(path)"])
            #expect(outcome.exitCode == 41, "\(outcome.error)")
            #expect(outcome.error.contains("kill switch  off"))
            #expect(outcome.error.contains("the kill switch is on"))
            #expect(promoter.registry.writes == 0)
            #expect(try await promoter.journal() == ["promotion unmoved 1 \(promoter.short(promoter.new))"])
        }
    }

    @Test("Another writer during the change of the tag is detected")
    func contested() async throws {
        try await with { promoter in
            let third = MadeImage.single(revision: Commit.new, salt: "third")
            let registry = promoter.registry
            registry.behave { request, _ in
                request.method == "PUT" ? .honestThen { registry.push(third, "latest") } : .honest
            }
            let outcome = try await promoter.run()
            #expect(outcome.exitCode == 41, "\(outcome.error)")
            #expect(outcome.error.contains("another writer moves it"))
            #expect(try await promoter.journal() == ["promotion contested 1 \(promoter.short(promoter.new))"])
            #expect(try await promoter.promotions().isEmpty)
        }
    }

    @Test(
        "A lost answer to the PUT leaves the journal open, and the next run determines the outcome"
    )
    func uncertain() async throws {
        try await with { promoter in
            promoter.registry.behave { request, _ in request.method == "PUT" ? .instead(.close) : .honest }
            let first = try await promoter.run()
            #expect(first.exitCode == 69, "\(first.error)")
            #expect(first.error.contains("cannot tell whether"))
            #expect(try await promoter.journal() == ["promotion intended 1 \(promoter.short(promoter.new))"])
            // The write takes effect after all.
            promoter.registry.push(promoter.new, "latest")
            promoter.registry.behave { _, _ in .honest }
            let second = try await promoter.run()
            #expect(second.exitCode == 0, "\(second.error)")
            #expect(second.error.contains("was interrupted after it had moved 'latest'"))
            #expect(try await promoter.promotions() == ["1 \(promoter.short(promoter.new))"])
        }
    }

    @Test("A later promotion in the ledger supersedes; a rollback does not")
    func superseded() async throws {
        try await with { promoter in
            let first = try await promoter.run()
            #expect(first.exitCode == 0, "\(first.error)")
            // An older job of the same branch.
            promoter.forge.change { $0.history = [Commit.old, Promoter.elder] }
            let back = try await promoter.run(["--allow-rollback"], sha: Commit.old)
            #expect(back.exitCode == 0, "\(back.error)")
            let permissions = try await promoter.permissions()
            #expect(permissions.count == 1 && permissions[0].contains("does not descend"), "\(permissions)")
            promoter.forge.change { $0.history = [Commit.new, Commit.old, Promoter.elder] }
            let late = try await promoter.run()
            #expect(late.exitCode == 40, "\(late.error)")
            #expect(late.error.contains("promotion no. 2"))
            for (more, code, level, verdict) in [
                ([], Int32(40), "::error", "superseded"), (["--superseded-ok"], 0, "::notice", "superseded"),
                (["--moving-tag", "other", "--to", "stable"], 64, "::error", "refused"),
            ] {
                let (outputs, summary) = ("outputs-\(more.count)", "summary-\(more.count)")
                let outcome = try await Program.collector().run(
                    promoter.arguments(more),
                    environment: [
                        "HOME": promoter.folder.path, "GITEA_TOKEN": Promoter.token, "GITHUB_ACTIONS": "true",
                        "GITHUB_OUTPUT": promoter.folder.path(outputs),
                        "GITHUB_STEP_SUMMARY": promoter.folder.path(summary),
                    ])
                #expect(outcome.exitCode == code, "\(outcome.error)")
                #expect(
                    outcome.error.contains(level) && (code != 0 || !outcome.error.contains("::error")),
                    "\(outcome.error)")
                #expect(
                    try promoter.folder.read(outputs)
                        == "verdict=\(verdict)\nexit_code=\(code)\nmoved=false\ntag=\nserving=\nfailed_hosts=\n"
                        + "unproven_hosts=\n")
                #expect(try promoter.folder.read(summary).contains("nothing was changed"))
            }
            #expect(promoter.registry.tag("latest") == promoter.old.digest)
        }
    }

    @Test(
        "A promotion that fails on the fleet is rolled back and verified, and still ends red"
    )
    func rollback() async throws {
        try await with { promoter in
            let (registry, folder, old, new) = (promoter.registry, promoter.folder, promoter.old, promoter.new)
            // The host serves another image of the right commit.
            let wrong = MadeImage.single(revision: Commit.new, salt: "wrong")
            registry.behave { request, _ in
                guard request.method == "PUT" else { return .honest }
                return .honestThen {
                    let isNew = registry.tag("latest") == new.digest
                    let image = isNew ? wrong : old
                    let text =
                        #"{"git_sha":"\#(isNew ? Commit.new : Commit.old)","digest":"\#(image.digest)","state":"serving"}"#
                    _ = try? folder.write("build.json", text)
                }
            }
            let outcome = try await promoter.run(["--rollback-on", "failed_deploy,rolled_back"], verifies: true)
            #expect(outcome.exitCode == 20, "\(outcome.error)")
            #expect(registry.tag("latest") == old.digest)
            #expect(outcome.output.isEmpty, "no pin of a build that was rolled back: \(outcome.output)")
            #expect(
                try await promoter.journal() == [
                    "promotion moved 1 \(promoter.short(new))", "rollback moved 2 \(promoter.short(old))",
                ])
            #expect(try await promoter.permissions() == ["--rollback-on failed_deploy"])
            let json = try promoter.folder.read("report.json")
            let report = try JSONDecoder().decode(Story.self, from: Data(json.utf8))
            #expect(report.verdict == "failed_deploy")
            #expect(report.promotion?.rollback?.generation == 2)
            #expect(report.promotion?.rollback?.verdict == "converged")
            #expect(report.promotion?.rollback?.said.contains("converged") == true)
            #expect(!report.warnings.contains { $0.hasPrefix("rollback: ") }, "a proven rollback is not a warning")
            // The journal shows that it was intended.
            #expect(!outcome.error.contains("a job that is merely late"), "\(outcome.error)")
            // A rollback does not supersede: the build may be promoted again after a fix.
            promoter.followTag()
            let again = try await promoter.run(verifies: true)
            #expect(again.exitCode == 0, "\(again.error)")
            #expect(try await promoter.promotions().count == 3)
        }
    }

    @Test("A rollback that the kill switch holds says so, and what to do when the switch is off")
    func heldRollback() async throws {
        try await with { promoter in
            let (registry, folder, new) = (promoter.registry, promoter.folder, promoter.new)
            try promoter.serve(MadeImage.single(revision: Commit.new, salt: "wrong"), Commit.new)
            registry.behave { request, _ in
                guard request.method == "PUT" else { return .honest }
                return .honestThen { _ = try? folder.write("hold", "1") }
            }
            let outcome = try await promoter.run(
                ["--rollback-on", "failed_deploy", "--kill-switch", "file:\(folder.path("hold"))"], verifies: true)
            #expect(outcome.exitCode == 20, "\(outcome.error)")
            #expect(registry.tag("latest") == new.digest)
            #expect(outcome.error.contains("failed and was not rolled back: the kill switch is on"), "\(outcome.error)")
            #expect(outcome.error.contains("Run rollback when the kill switch is off"), "\(outcome.error)")
            #expect(outcome.error.contains("rollback of canvas held"), "\(outcome.error)")
            // The tag still is this build.
            #expect(outcome.output == "CANVAS_IMAGE_TAG=staging-\(Commit.new)@\(new.digest)\n")
            let json = try folder.read("report.json")
            #expect(try await SchemaValidator.defects(json, against: .report).isEmpty)
            #expect(json.contains(#""obstacle" : "kill_switch""#))
        }
    }

    @Test("SIGTERM before the tag is moved ends with 143 and changes nothing")
    func terminated() async throws {
        try await with { promoter in
            promoter.forge.change { $0.status = "pending" }
            let running = try promoter.start(["--ci-timeout", "60s"])
            try await eventually("CI is waited for", detail: { running.error }) {
                running.exitCode != nil || running.error.contains("pending")
            }
            running.signal(15)
            let outcome = try await running.wait()
            #expect(outcome.exitCode == 143, "\(outcome.error)")
            #expect(promoter.registry.writes == 0)
            #expect(try await promoter.journal().isEmpty)
        }
    }
}
