import Foundation
import Shared
import Support
import Testing

@testable import EndToEndFixtures

/// A step of a pipeline learns of every end of `promote` and `rollback`: by its summary, its outputs and one annotation.
@Suite("End to end: how promote and rollback end for a pipeline", .timeLimit(.minutes(10)), .serialized)
struct PromotionEndTests {
    /// One end.
    struct End: Sendable, CustomStringConvertible {
        let description: String
        let code: Int32
        let verdict: String
        let moved: String
        /// The beginning of the summary, and further texts in it.
        let summary: [String]
        var level = "error"
        var arguments: [String] = []
        var verifies = false
        var prepare: @Sendable (Promoter) throws -> Void = { _ in }
    }

    static let ends: [End] = [
        End(
            description: "CI is red", code: 41, verdict: "refused", moved: "false",
            summary: [
                "## ❌ Promotion of \(Commit.new.prefix(12)) to :latest was refused\n", "failure", "nothing was changed",
            ]
        ) { $0.forge.change { $0.status = "failure" } },
        End(
            description: "the kill switch's folder is missing", code: 41, verdict: "refused", moved: "false",
            summary: [
                "## ❌ Promotion of \(Commit.new.prefix(12)) to :latest was refused\n",
                "promotion of canvas held: the kill switch file:/x/y cannot be checked (its folder is missing)",
                "nothing was changed",
            ],
            arguments: ["--kill-switch", "file:/x/y"]),
        End(
            description: "the branch has a newer candidate", code: 40, verdict: "superseded", moved: "false",
            summary: ["## ❌ Promotion of \(Commit.new.prefix(12)) to :latest was superseded\n", "nothing was changed"]
        ) { promoter in
            promoter.forge.change { $0.history.insert(Promoter.stranger, at: 0) }
            promoter.registry.push(MadeImage.single(revision: Promoter.stranger), "staging-\(Promoter.stranger)")
        },
        End(
            description: "the branch has a newer candidate, as --superseded-ok permits", code: 0, verdict: "superseded",
            moved: "false",
            summary: ["## ⚠️ Promotion of \(Commit.new.prefix(12)) to :latest was superseded\n", "nothing was changed"],
            level: "notice",
            arguments: ["--superseded-ok"]
        ) { promoter in
            promoter.forge.change { $0.history.insert(Promoter.stranger, at: 0) }
            promoter.registry.push(MadeImage.single(revision: Promoter.stranger), "staging-\(Promoter.stranger)")
        },
        End(
            description: "a dry run is superseded, as --superseded-ok permits", code: 0, verdict: "superseded",
            moved: "false",
            summary: ["## ⚠️ Promotion of \(Commit.new.prefix(12)) to :latest was superseded\n", "nothing was changed"],
            level: "notice",
            arguments: ["--superseded-ok", "--dry-run"]
        ) { promoter in
            promoter.forge.change { $0.history.insert(Promoter.stranger, at: 0) }
            promoter.registry.push(MadeImage.single(revision: Promoter.stranger), "staging-\(Promoter.stranger)")
        },
        End(
            description: "the candidate does not exist", code: 64, verdict: "refused", moved: "false",
            summary: [
                "## ❌ Promotion of \(Commit.new.prefix(12)) to :latest did not start\n", "does not exist",
                "nothing was changed",
            ],
            arguments: ["--from", "nothing"]),
        End(
            description: "the command line is wrong", code: 64, verdict: "refused", moved: "false",
            summary: ["## ❌ Promotion did not start\n", "nothing was changed: no tag was written"],
            arguments: ["--soak", "never"]),
        End(
            description: "the tag is another build that does not state its commit", code: 41, verdict: "refused",
            moved: "false",
            summary: [
                "## ❌ Promotion of \(Commit.new.prefix(12)) to :latest was refused\n", "--skip-ancestry",
                "nothing was changed",
            ]
        ) { $0.registry.push(MadeImage.single(revision: nil), "latest") },
        End(
            description: "the answer to the PUT is lost", code: 69, verdict: "unknown", moved: "unknown",
            summary: [
                "## ❌ Promotion of \(Commit.new.prefix(12)) to :latest failed, and it is unknown whether the tag was moved\n",
                "cannot tell whether",
            ]
        ) { $0.registry.behave { request, _ in request.method == "PUT" ? .instead(.close) : .honest } },
        End(
            description: "a dry run", code: 0, verdict: "dry_run", moved: "false",
            summary: [
                "## ⚠️ Dry run: promotion of \(Commit.new.prefix(12)) to :latest\n", "would move", "nothing was changed",
            ], level: "notice",
            arguments: ["--dry-run"]),
        End(
            description: "without verification", code: 0, verdict: "not_verified", moved: "true",
            summary: [
                "## ⚠️ Promotion of \(Commit.new.prefix(12)) to :latest without verification\n", "--no-verify",
                "latest is \(Commit.new.prefix(12))",
            ],
            level: "warning"),
        End(
            description: "the tag already is the build, without verification", code: 0, verdict: "not_verified",
            moved: "false",
            summary: [
                "## ⚠️ Promotion of \(Commit.new.prefix(12)) to :latest without verification\n",
                "already was \(Commit.new.prefix(12))",
            ],
            level: "warning"
        ) { $0.registry.push($0.new, "latest") },
        End(
            description: "an empty inventory", code: 50, verdict: "empty_inventory", moved: "false",
            summary: ["## ❌ Promotion of \(Commit.new.prefix(12)) to :latest was refused\n", "nothing was changed"],
            verifies: true
        ) { try $0.folder.write("fleet.yaml", "service: canvas\nhosts: []\n") },
        End(
            description: "proven", code: 0, verdict: "converged", moved: "true",
            summary: [
                "## ✅ Deploy of \(Commit.new.prefix(12)) succeeded\n",
                "The only host serves \(Commit.new.prefix(12)), and :latest is \(Commit.new.prefix(12)).",
            ], level: "notice", verifies: true
        ) { $0.followTag() },
    ]

    @Test("A pipeline learns of every end of promote", arguments: ends)
    func promote(_ end: End) async throws {
        let promoter = try await Promoter.make()
        try end.prepare(promoter)
        let before = promoter.registry.tag("latest")
        var step = try PipelineStep()
        step.environment["GITEA_TOKEN"] = Promoter.token
        let outcome = try await step.run(promoter.arguments(end.arguments, verifies: end.verifies))
        #expect(outcome.exitCode == end.code, "\(outcome.error)")
        let outputs = try step.outputs()
        #expect(outputs["verdict"] == end.verdict && outputs["exit_code"] == "\(end.code)", "\(outputs)")
        #expect(outputs["moved"] == end.moved, "\(outputs)")
        #expect(outputs["failed_hosts"] == "", "\(outputs)")
        if end.moved == "false" { #expect(promoter.registry.tag("latest") == before) }
        let summary = try step.folder.read("summary")
        #expect(summary.hasPrefix(end.summary[0]), "\(summary)")
        for text in end.summary.dropFirst() { #expect(summary.contains(text), "\(summary)") }
        let commands = WorkflowRunner.commands(in: outcome.error).filter { !$0.name.hasSuffix("group") }
        let verdicts = commands.filter {
            $0.properties["title"]?.hasSuffix("\(end.verdict) (exit \(end.code))") == true
        }
        #expect(verdicts.map(\.name) == [end.level], "\(commands)")
        #expect(commands.contains { $0.name == "error" } == (end.code != 0), "\(commands)")
        await promoter.stop()
    }

    @Test("A rollback that finds no build, and a dry run of one, change nothing and say so")
    func rollback() async throws {
        let promoter = try await Promoter.make()
        let step = try PipelineStep()
        let arguments = [
            "rollback", "--image", "\(promoter.registry.authority)/canvas", "--store",
            promoter.folder.path("ledger.db"),
            "--service", "canvas", "--no-verify",
        ]
        let outcome = try await step.run(arguments)
        #expect(outcome.exitCode == 64, "\(outcome.error)")
        #expect(
            try step.outputs() == [
                "verdict": "refused", "exit_code": "64", "moved": "false", "tag": "", "failed_hosts": "", "serving": "",
                "unproven_hosts": "",
            ])
        let summary = try step.folder.read("summary")
        #expect(
            summary.hasPrefix("## ❌ Rollback of :latest did not start\n") && summary.contains("nothing was changed"),
            "\(summary)")
        #expect(promoter.registry.writes == 0)
        await promoter.stop()
    }
}
