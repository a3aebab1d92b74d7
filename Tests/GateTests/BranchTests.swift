import ArgumentParser
import Support
import Testing

@testable import Collector
@testable import CollectorFixtures
@testable import Gate
@testable import Operations
@testable import Registry
@testable import Shared

@Suite("Gate: superseded commits and rollbacks", .timeLimit(.minutes(2)))
struct BranchTests {
    private static func sha(_ digit: Character) throws -> GitSHA {
        try GitSHA(parsing: String(repeating: digit, count: 40))
    }

    @Test("The head passes; a head that descends from the commit supersedes it (40); any other refuses (41)")
    func decisions() throws {
        let (ours, head) = (try Self.sha("a"), try Self.sha("b"))
        #expect(BranchPosition.decide(ours, head: ours, isAncestor: false) == .head)
        #expect(BranchPosition.decide(ours, head: head, isAncestor: true) == .superseded(by: head))
        #expect(BranchPosition.decide(ours, head: head, isAncestor: false) == .rewritten(head: head))
        try BranchPosition.head.requireHead(ours, of: "main")
        let newer = #expect(throws: GateError.self) {
            try BranchPosition.superseded(by: head).requireHead(ours, of: "main")
        }
        #expect(newer?.exitCode == 40)
        #expect(newer?.description.contains("main is at bbbbbbbbbbbb") == true)
        let rewritten = #expect(throws: GateError.self) {
            try BranchPosition.rewritten(head: head).requireHead(ours, of: "main")
        }
        #expect(rewritten?.exitCode == 41)
        #expect(rewritten?.description.contains("rewritten") == true)
    }

    @Test("Moving a tag to an older or unrelated commit needs a permission")
    func moves() throws {
        let (old, new) = (try Self.sha("a"), try Self.sha("b"))
        func decide(_ ancestry: Ancestry, _ allowed: Bool) -> TagMove {
            TagMove.decide(from: old, to: new, ancestry, allowsRollback: allowed)
        }
        for allowed in [true, false] {
            #expect(decide(.same, allowed) == .forward)
            #expect(decide(.descendant, allowed) == .forward)
        }
        let remedies: [(Ancestry, String)] = [
            (
                .notDescendant,
                "does not descend from aaaaaaaaaaaa, the current build: give --allow-rollback to promote it anyway"
            ),
            (
                .noForge,
                "newer than aaaaaaaaaaaa, the current build: give --forge, or --skip-ancestry to skip this check"
            ),
            (.unknown("timeout"), "the current build (timeout): give --skip-ancestry to skip this check"),
        ]
        for (ancestry, ending) in remedies {
            guard case .refused(let reason) = decide(ancestry, false) else {
                Issue.record("\(ancestry) is not refused")
                continue
            }
            #expect(reason.hasSuffix(ending), "\(reason)")
            guard case .rollback(let why) = decide(ancestry, true) else {
                Issue.record("\(ancestry) is not a rollback")
                continue
            }
            #expect(!why.contains(" --"))
        }
    }

    @Test("A branch name may contain slashes, and cannot become another path")
    func names() async throws {
        let gitea = GiteaAnswers()
        try await FakeForge.run(.gitea) { request, _ in
            gitea.answer(request)
        } _: { fake async throws in
            let forge = try fake.forge()
            let sha = try #require(FakeForge.sha)
            #expect(try await forge.standing(of: sha, on: "feature/x", before: .amply) == .head)
            // The fake returns the escaped name, which is not the branch's.
            await #expect(throws: GateError.self) {
                try await forge.standing(of: sha, on: "a b?c#d", before: .amply)
            }
            #expect(fake.targets.last == "\(GiteaAnswers.root)/branches/a%20b%3Fc%23d")
            #expect(fake.targets.first == "\(GiteaAnswers.root)/branches/feature/x")
        }
    }

    @Test("Gitea: head, superseded and rewritten, from the history")
    func gitea() async throws {
        let ours = try #require(FakeForge.sha)
        let (head, other) = (try Self.sha("b"), try Self.sha("e"))
        var answers = GiteaAnswers()
        answers.history = [head.hex, ours.hex]
        let gitea = answers
        try await FakeForge.run(.gitea) { request, _ in
            gitea.answer(request)
        } _: { fake async throws in
            let forge = try fake.forge()
            try await forge.requireHead(head, of: "main", before: .amply)
            let superseded = await #expect(throws: GateError.self) {
                try await forge.requireHead(ours, of: "main", before: .amply)
            }
            #expect(superseded?.exitCode == 40)
            let rewritten = await #expect(throws: GateError.self) {
                try await forge.requireHead(other, of: "main", before: .amply)
            }
            #expect(rewritten?.exitCode == 41)
            #expect(await forge.ancestry(of: head, from: ours, before: .amply) == .descendant)
            #expect(await forge.ancestry(of: ours, from: head, before: .amply) == .notDescendant)
            #expect(await forge.ancestry(of: ours, from: ours, before: .amply) == .same)
            guard case .unknown = await forge.ancestry(of: other, from: ours, before: .amply) else {
                Issue.record("known")
                return
            }
        }
    }

    @Test("GitHub: head, superseded and rewritten, from the comparison")
    func github() async throws {
        let ours = try #require(FakeForge.sha)
        var answers = GitHubAnswers()
        answers.head = try Self.sha("b").hex
        let ahead = answers
        answers.comparison = "diverged"
        let diverged = answers
        try await FakeForge.run(.github) { request, _ in
            ahead.answer(request)
        } _: { fake async throws in
            let standing = try await fake.forge().standing(of: ours, on: "main", before: .amply)
            #expect(standing == .superseded(by: try Self.sha("b")))
        }
        try await FakeForge.run(.github) { request, _ in
            diverged.answer(request)
        } _: { fake async throws in
            let standing = try await fake.forge().standing(of: ours, on: "main", before: .amply)
            #expect(standing == .rewritten(head: try Self.sha("b")))
        }
    }

    @Test("Field 10: a newer commit supersedes only if it has a candidate, on both forges")
    func candidates() async throws {
        let ours = try #require(FakeForge.sha)
        let (head, built) = (try Self.sha("b"), try Self.sha("e"))
        var answers = GiteaAnswers()
        answers.history = [head.hex, built.hex, ours.hex]
        let gitea = answers
        let github: FakeForge.Script = { request, number in
            if request.path.contains("/compare/") {
                return .json(
                    #"{"status":"ahead","base_commit":{"sha":"\#(ours)"},"total_commits":2,"commits":["#
                        + #"{"sha":"\#(built)","parents":[{"sha":"\#(ours)"}]},"#
                        + #"{"sha":"\#(head)","parents":[{"sha":"\#(built)"}]}]}"#)
            }
            return .json(#"{"name":"main","commit":{"sha":"\#(head)"}}"#)
        }
        for kind in ForgeKind.allCases {
            try await FakeForge.run(kind) { request, number in
                kind == .gitea ? gitea.answer(request) : github(request, number)
            } _: { fake async throws in
                let forge = try fake.forge()
                func require(_ sha: GitSHA, _ exists: @escaping (GitSHA) throws -> Bool) async throws -> String {
                    try await forge.requireNoCandidate(after: sha, of: "main", before: .amply, candidateExists: exists)
                }
                #expect(
                    try await require(ours) { _ in false }
                        == "main is at bbbbbbbbbbbb: 2 newer commits without a candidate")
                #expect(try await require(head) { _ in true } == "main is at bbbbbbbbbbbb")
                for newer in [built, head] {
                    let error = await #expect(throws: GateError.self) { try await require(ours) { $0 == newer } }
                    #expect(error?.exitCode == 40)
                    #expect(error?.description.contains("commit \(newer.short) of main") == true)
                }
                let unknown = RegistryError.unavailable("x", reason: "y")
                await #expect(throws: unknown) { try await require(ours) { _ in throw unknown } }
            }
        }
    }

    @Test("Field 10: the history is walked if a comparison is too large; an incomplete comparison is an error")
    func largeComparison() async throws {
        let (ours, head) = (try #require(FakeForge.sha), try Self.sha("b"))
        try await FakeForge.run(.github) { request, _ in
            request.path.contains("/compare/")
                ? .answer(status: 200, headers: [("Content-Type", "text/html")], body: [])
                : .json(#"[{"sha":"\#(head)"},{"sha":"\#(ours)"}]"#)
        } _: { fake async throws in
            let gap = try await fake.forge().commits(after: ours, upTo: head, before: .amply)
            #expect(gap.descendants(of: ours) == [head])
        }
        try await FakeForge.run(.github) { request, _ in
            request.path.contains("/compare/")
                ? .json(#"{"status":"ahead","total_commits":900,"commits":[]}"#) : .json("[]")
        } _: { fake async throws in
            let error = await #expect(throws: ForgeError.self) {
                try await fake.forge().commits(after: ours, upTo: head, before: .amply)
            }
            #expect(error?.description.contains("more than 500 commits") == true)
        }
    }

    @Test("Commits of a side branch that was merged later do not supersede")
    func sideBranch() throws {
        let (ours, merge, side, next) = (try Self.sha("a"), try Self.sha("b"), try Self.sha("c"), try Self.sha("d"))
        let gap = BranchGap(commits: [
            .init(sha: merge, parents: [next, side]), .init(sha: side, parents: [try Self.sha("1")]),
            .init(sha: next, parents: [ours]),
        ])
        #expect(gap.descendants(of: ours) == [merge, next])
        // Commit dates out of order.
        let shuffled = BranchGap(commits: [
            .init(sha: next, parents: [ours]), .init(sha: merge, parents: [next, side]), .init(sha: side, parents: nil),
        ])
        #expect(shuffled.descendants(of: ours) == [next, merge, side])
    }

    @Test("Another commit's candidate follows the same naming")
    func candidateNames() throws {
        let (ours, other) = (try Self.sha("a"), try Self.sha("b"))
        func candidate(_ from: String?) throws -> String? {
            try PromotionRequest(
                service: "canvas", image: "registry.example/canvas", gitSHA: ours, from: from, to: "latest",
                rules: TagPolicy(), allowsRollback: false, actor: "me"
            ).candidate(of: other)?.description
        }
        let long = String(repeating: "b", count: 40)
        #expect(try candidate(nil) == "registry.example/canvas:staging-\(long)")
        #expect(try candidate("sha-aaaaaaa") == "registry.example/canvas:sha-bbbbbbb")
        #expect(try candidate("build-\(ours)-amd64") == "registry.example/canvas:build-\(long)-amd64")
        #expect(try candidate("nightly") == nil)
        #expect(try candidate("sha256:" + String(repeating: "a", count: 64)) == nil)
    }

    @Test(
        "A head that cannot be read is 69, after what may pass was tried again", arguments: [401, 403, 404, 502, 418])
    func unreadable(status: Int) async throws {
        try await FakeForge.run(.gitea) { _, _ in
            .answer(status: status, headers: [("Content-Type", "application/json")], body: Array("{}".utf8))
        } _: { fake async throws in
            let sha = try #require(FakeForge.sha)
            let error = await #expect(throws: GateError.self) {
                try await fake.forge().requireHead(sha, of: "main", before: .now + .seconds(status == 502 ? 6 : 60))
            }
            #expect(error?.exitCode == 69)
            #expect(error?.description.contains("\(status)") == true)
            #expect((fake.requests.count > 1) == (status == 502))
        }
    }

    @Test("Transient failures are retried")
    func patience() async throws {
        let gitea = GiteaAnswers()
        try await FakeForge.run(.gitea) { request, number in
            number <= 2 ? .status(503) : gitea.answer(request)
        } _: { fake async throws in
            let sha = try #require(FakeForge.sha)
            try await fake.forge().requireHead(sha, of: "main", before: .amply)
            #expect(fake.requests.count == 3)
        }
    }

    @Test("The branch is the given one, or the runner's unless that is a tag")
    func options() throws {
        let flag = try BranchOptions.parse(["--branch", "release/1"])
        #expect(flag.branch(environment: ["GITHUB_REF_NAME": "main"]) == "release/1")
        let none = try BranchOptions.parse([])
        #expect(none.branch(environment: [:]) == nil)
        #expect(none.branch(environment: ["GITHUB_REF_NAME": "main"]) == "main")
        #expect(none.branch(environment: ["GITHUB_REF_NAME": "main", "GITHUB_REF_TYPE": "branch"]) == "main")
        #expect(none.branch(environment: ["GITHUB_REF_NAME": "v1", "GITHUB_REF_TYPE": "tag"]) == nil)
    }
}
