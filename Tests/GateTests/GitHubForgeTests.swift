import Support
import Testing

@testable import Gate
@testable import Shared

@Suite("Gate, CI: GitHub's statuses and check runs", .timeLimit(.minutes(2)))
struct GitHubForgeTests {
    @Test("Jobs are check runs, and statuses count as well")
    func both() async throws {
        let github = GitHubAnswers(
            runs: [.init(70, "build", "success")], statuses: [(3, "external", "success"), (2, "external", "failure")])
        try await FakeForge.run(.github) { request, _ in
            github.answer(request)
        } _: { fake async throws in
            let result = try await fake.wait("build", "external")
            #expect(result.verdict == "green", "\(result.reason)")
            #expect(result.contexts[0].source == "check-run by github-actions")
            #expect(result.contexts[0].url == "https://github.example/acme/canvas/runs/70")
            #expect(result.contexts[1].id == 3)
            #expect(fake.requests.allSatisfy { $0.header("accept") == "application/vnd.github+json" })
        }
    }

    @Test("Of a rerun check run the newest decides, and an incomplete one waits")
    func newest() async throws {
        let github = GitHubAnswers(
            runs: [.init(71, "build", "in_progress", completed: false), .init(70, "build", "success")])
        try await FakeForge.run(.github) { request, _ in
            github.answer(request)
        } _: { fake async throws in
            let wait = try await fake.watch("build") { $0.readings == 2 }
            #expect(wait.verdict == nil)
            #expect(wait.tracks[0].line == "build: pending (#71, check-run by github-actions)")
        }
    }

    @Test("A conclusion counts only once the run is completed")
    func notCompleted() async throws {
        let github = GitHubAnswers(runs: [.init(1, "build", "success", completed: false)])
        try await FakeForge.run(.github) { request, _ in
            github.answer(request)
        } _: { fake async throws in
            let wait = try await fake.watch("build") { $0.readings == 2 }
            #expect(wait.verdict == nil)
            #expect(wait.tracks[0].state == .pending)
        }
    }

    @Test(
        "Each conclusion: only success satisfies, and other final ones end the wait",
        arguments: [
            ("success", CIVerdict.green), ("failure", .failed), ("cancelled", .failed), ("skipped", .failed),
            ("timed_out", .failed), ("startup_failure", .failed), ("neutral", .failed), ("stale", .failed),
            ("action_required", nil), ("news", nil),
        ])
    func conclusions(conclusion: String, verdict: CIVerdict?) async throws {
        let github = GitHubAnswers(runs: [.init(1, "build", conclusion)])
        try await FakeForge.run(.github) { request, _ in
            github.answer(request)
        } _: { fake async throws in
            let wait = try await fake.watch("build") { $0.readings == 2 }
            #expect(wait.verdict == verdict)
        }
    }

    @Test("Another app's check run with the same name makes nothing green")
    func otherApp() async throws {
        let github = GitHubAnswers(
            runs: [.init(9, "build", by: "stranger", "success"), .init(1, "build", "queued", completed: false)])
        try await FakeForge.run(.github) { request, _ in
            github.answer(request)
        } _: { fake async throws in
            let wait = try await fake.watch("build") { $0.readings == 2 }
            #expect(wait.verdict == nil)
            #expect(wait.tracks[0].row?.source == .checkRun(app: "github-actions"))
            let ours = try await fake.wait("build", checkApp: "stranger")
            #expect(ours.verdict == "green")
            let nobody = try await fake.watch("build", checkApp: "nobody") { $0.readings == 2 }
            #expect(nobody.verdict == nil)
            #expect(nobody.tracks[0].state == .missing)
        }
    }

    @Test("All pages are read by number, without following links")
    func pages() async throws {
        let runs = (1...250).map { GitHubAnswers.Run($0, "build", "success") } + [.init(251, "build", "failure")]
        let github = GitHubAnswers(runs: runs)
        try await FakeForge.run(.github) { request, _ in
            github.answer(request)
        } _: { fake async throws in
            let result = try await fake.wait("build")
            #expect(result.verdict == "failed")
            #expect(result.contexts[0].id == 251)
            #expect(fake.targets.filter { $0.contains("check-runs") }.count == 3)
        }
    }

    @Test("Announced rows that are missing make the response unreadable")
    func withheld() async throws {
        let run = GitHubAnswers.Run(1, "build", "success").json
        try await FakeForge.run(.github) { request, _ in
            guard request.path.hasSuffix("check-runs") else { return .json("[]") }
            return .json(#"{"total_count":2,"check_runs":[\#(request.query("page") == "1" ? run : "")]}"#)
        } _: { fake async throws in
            let wait = try await fake.watch("build") { $0.failures == 1 }
            #expect(wait.readings == 0)
            #expect(wait.lastError?.description.contains("2 rows were announced, 1 received") == true)
        }
    }

    @Test("A check run of another commit proves nothing")
    func foreignRun() async throws {
        let run = GitHubAnswers.Run(1, "build", "success").json.replacing("c0ffee5eed12", with: "1f0e9d8c7b6a")
        try await FakeForge.run(.github) { request, _ in
            request.path.hasSuffix("check-runs") ? .json(#"{"total_count":1,"check_runs":[\#(run)]}"#) : .json("[]")
        } _: { fake async throws in
            let wait = try await fake.watch("build") { $0.failures == 1 }
            #expect(wait.readings == 0)
            #expect(wait.lastError?.description.contains("another commit") == true)
        }
    }

    @Test(
        "The comparison shows whether a commit descends from another",
        arguments: [("ahead", true), ("behind", false), ("diverged", false)])
    func comparison(status: String, isAncestor: Bool) async throws {
        var github = GitHubAnswers()
        github.comparison = status
        let answers = github
        let sha = try #require(FakeForge.sha)
        let base = try GitSHA(parsing: String(repeating: "e", count: 40))
        try await FakeForge.run(.github) { request, _ in
            answers.answer(request)
        } _: { fake async throws in
            #expect(try await fake.forge().isAncestor(base, of: sha, before: .amply) == isAncestor)
            #expect(fake.targets == ["\(GitHubAnswers.root)/compare/\(base)...\(sha)?per_page=1&page=2"])
        }
    }

    @Test(
        "A comparison that contradicts itself, or is about other commits, is an error",
        arguments: [
            ("ahead", "dddddddddddddddddddddddddddddddddddddddd"), ("identical", nil), ("sideways", nil),
        ])
    func falseComparison(status: String, mergeBase: String?) async throws {
        var github = GitHubAnswers()
        github.comparison = status
        github.mergeBase = mergeBase
        let answers = github
        let sha = try #require(FakeForge.sha)
        let base = try GitSHA(parsing: String(repeating: "e", count: 40))
        try await FakeForge.run(.github) { request, _ in
            answers.answer(request)
        } _: { fake async throws in
            _ = await #expect(throws: ForgeError.self) {
                try await fake.forge().isAncestor(base, of: sha, before: .amply)
            }
        }
        try await FakeForge.run(.github) { request, _ in
            .json(#"{"status":"ahead","base_commit":{"sha":"\#(sha)"},"merge_base_commit":{"sha":"\#(base)"}}"#)
        } _: { fake async throws in
            _ = await #expect(throws: ForgeError.self) {
                try await fake.forge().isAncestor(base, of: sha, before: .amply)
            }
        }
    }
}
