import Shared
import Support
import Synchronization
import Testing

@testable import Gate

@Suite("Gate, CI: Gitea's statuses, true and false", .timeLimit(.minutes(2)))
struct GiteaForgeTests {
    @Test("Green requires both views; the token is sent, and the JSON is as documented")
    func green() async throws {
        let gitea = GiteaAnswers(
            .init(1, "build", "pending", job: 2), .init(2, "build", "success"), .init(3, "lint", "success"))
        try await FakeForge.run(.gitea) { request, _ in
            gitea.answer(request)
        } _: { fake async throws in
            let result = try await fake.wait("build", "lint")
            #expect(result.verdict == "green", "\(result.reason)")
            #expect(result.contexts.map(\.id) == [2, 3])
            #expect(result.contexts[0].source == "status")
            #expect(result.contexts[0].url == "\(fake.url)/acme/canvas/actions/runs/7/jobs/2")
            let sha = try #require(FakeForge.sha).hex
            #expect(fake.requests.allSatisfy { $0.header("authorization") == "Bearer \(FakeForge.token)" })
            #expect(
                fake.targets.first
                    == "\(GiteaAnswers.root)/commits/\(sha)/statuses?sort=highestindex&page=1&limit=50")
            // Before a green verdict the runs are requested, which this forge does not list.
            let runs = fake.targets.filter { $0.contains("/actions/") }
            #expect(runs.count == 2 && fake.targets.suffix(2) == runs.suffix(2))
            #expect(
                fake.targets.dropLast(2).last == "\(GiteaAnswers.root)/commits/\(sha)/status?page=2&limit=50")
        }
    }

    @Test("Pages are read until an empty one, whatever page size the server allows", arguments: [50, 7, 1])
    func clamped(clamp: Int) async throws {
        var gitea = GiteaAnswers()
        gitea.rows = (1...60).map { .init($0, "build", "success") } + [.init(61, "build", "failure")]
        gitea.clamp = clamp
        let answers = gitea
        try await FakeForge.run(.gitea) { request, _ in
            answers.answer(request)
        } _: { fake async throws in
            let result = try await fake.wait("build")
            #expect(result.exitCode == 41)
            #expect(result.contexts[0].id == 61)
            #expect(fake.targets.count { $0.contains("/statuses?") } == (61 + clamp - 1) / clamp + 1)
        }
    }

    @Test("A combined view without pages is read once")
    func unpaged() async throws {
        let gitea = GiteaAnswers(.init(1, "build", "success"), .init(2, "lint", "success"))
        try await FakeForge.run(.gitea) { request, _ in
            guard request.path.hasSuffix("/status") else { return gitea.answer(request) }
            var first = request
            first.target = request.path + "?page=1&limit=50"
            return gitea.answer(first)
        } _: { fake async throws in
            #expect(try await fake.wait("build", "lint").verdict == "green")
            #expect(fake.targets.count { !$0.contains("/actions/") } == 4)
        }
    }

    @Test("An unstable order between pages loses no row, since the combined view must agree")
    func unstable() async throws {
        // The list's second page is in another order, so that row 4, a failure, is on neither page.
        let rows = [GiteaAnswers.Row(3, "build", "success"), .init(1, "lint", "success"), .init(2, "x", "success")]
        var lying = GiteaAnswers()
        lying.rows = rows
        lying.combinedRows = rows + [.init(4, "build", "failure")]
        var settled = lying
        settled.rows += [.init(4, "build", "failure")]
        let (first, second) = (lying, settled)
        let isSettled = Mutex(false)
        try await FakeForge.run(.gitea) { request, _ in
            isSettled.withLock(\.self) ? second.answer(request) : first.answer(request)
        } _: { fake async throws in
            let result = try await fake.wait("build", "lint") { event in
                guard case .read(let wait, _, _) = event, wait.readings == 3 else { return }
                #expect(wait.tracks[0].state == .unsettled)
                #expect(wait.verdict == nil)
                isSettled.withLock { $0 = true }
            }
            #expect(result.readings == 4)
            #expect(result.exitCode == 41)
            #expect(result.contexts[0].state == "failure")
        }
    }

    @Test("Two views that never agree end with 41 and the state unsettled")
    func disagreement() async throws {
        let gitea = GiteaAnswers(.init(1, "build", "success"), combined: [.init(2, "build", "success")])
        try await FakeForge.run(.gitea) { request, _ in
            gitea.answer(request)
        } _: { fake async throws in
            let wait = try await fake.watch("build") { $0.readings == 3 }
            #expect(wait.verdict == nil)
            #expect(wait.tracks[0].line == "build: unsettled (#2, status)")
            let result = try await fake.wait("build", timeout: .seconds(8))
            #expect(result.verdict == "timed_out")
            #expect(result.exitCode == 41)
            #expect(result.reason.contains("build: unsettled (#2"))
        }
    }

    @Test("An endless list is abandoned after 200 pages as unreadable")
    func endless() async throws {
        let row = GiteaAnswers.Row(1, "build", "success").json
        try await FakeForge.run(.gitea) { _, _ in
            .json("[\(row)]")
        } _: { fake async throws in
            let wait = try await fake.watch("build") { $0.failures == 1 }
            #expect(wait.lastError?.description.contains("has more than 200 pages") == true)
            #expect(wait.readings == 0)
            #expect(fake.targets.filter { $0.contains("page=200&") }.count == 1)
            #expect(!fake.targets.contains { $0.contains("page=201&") })
        }
    }

    @Test(
        "Without any status both views say so in their ways, and the context is missing", arguments: ["", "null", "{}"])
    func nothing(combined: String) async throws {
        try await FakeForge.run(.gitea) { request, _ in
            guard request.path.hasSuffix("/status") else { return .json("[]") }
            let type = combined.isEmpty ? [] : [(name: "Content-Type", value: "application/json")]
            return .answer(status: 200, headers: type, body: Array(combined.utf8))
        } _: { fake async throws in
            let wait = try await fake.watch("build") { $0.readings == 2 }
            #expect(wait.verdict == nil)
            #expect(wait.tracks[0].line == "build: missing")
        }
    }

    @Test(
        "A combined view without its rows, or of another commit, is unreadable",
        arguments: [
            #"{"total_count":2,"sha":"c0ffee5eed1234567890abcdef1234567890abcd"}"#,
            #"{"total_count":0,"sha":"1f0e9d8c7b6a594837261504f3e2d1c0b9a89786","statuses":[]}"#,
        ])
    func combinedWithoutRows(body: String) async throws {
        let gitea = GiteaAnswers(.init(1, "build", "success"))
        try await FakeForge.run(.gitea) { request, _ in
            request.path.hasSuffix("/status") ? .json(body) : gitea.answer(request)
        } _: { fake async throws in
            let wait = try await fake.watch("build") { $0.failures == 1 }
            #expect(wait.readings == 0)
            #expect(wait.lastError?.kind == .unreadable)
        }
    }

    @Test("A row of another commit proves nothing")
    func foreignRow() async throws {
        let row = GiteaAnswers.Row(1, "build", "success").json.replacing("c0ffee5eed12", with: "1f0e9d8c7b6a")
        try await FakeForge.run(.gitea) { request, _ in
            .json(request.query("page") == "1" ? "[\(row)]" : "[]")
        } _: { fake async throws in
            let wait = try await fake.watch("build") { $0.failures == 1 }
            #expect(wait.readings == 0)
            #expect(wait.lastError?.description.contains("another commit") == true)
        }
    }

    @Test("The complete history shows whether a commit descends from another")
    func history() async throws {
        var gitea = GiteaAnswers()
        gitea.history = (0..<120).map { number in String(repeating: "0", count: 37) + String(1_000 + number).suffix(3) }
        gitea.history[0] = try #require(FakeForge.sha).hex
        gitea.clamp = 20
        let answers = gitea
        try await FakeForge.run(.gitea) { request, _ in
            answers.answer(request)
        } _: { fake async throws in
            let forge = try fake.forge()
            func sha(_ index: Int) throws -> GitSHA { try GitSHA(parsing: answers.history[index]) }
            #expect(try await forge.isAncestor(sha(100), of: sha(0), before: .amply))
            #expect(try await forge.isAncestor(sha(3), of: sha(3), before: .amply))
            #expect(try await !forge.isAncestor(sha(3), of: sha(100), before: .amply))
            let stranger = try GitSHA(parsing: String(repeating: "e", count: 40))
            #expect(try await !forge.isAncestor(stranger, of: sha(0), before: .amply))
            await #expect(throws: ForgeError.self) { try await forge.isAncestor(sha(0), of: stranger, before: .amply) }
        }
    }

    @Test("A history that begins elsewhere, or does not end, is an error")
    func falseHistory() async throws {
        let sha = try #require(FakeForge.sha)
        let other = try GitSHA(parsing: String(repeating: "e", count: 40))
        try await FakeForge.run(.gitea) { request, _ in
            .json("[{\"sha\":\"\(request.query("sha") == other.hex ? other : sha)\"}]")
        } _: { fake async throws in
            let forge = try fake.forge()
            let endless = await #expect(throws: ForgeError.self) {
                try await forge.isAncestor(sha, of: other, before: .amply)
            }
            #expect(endless?.description.contains("the history is longer") == true)
            let third = try GitSHA(parsing: String(repeating: "d", count: 40))
            let foreign = await #expect(throws: ForgeError.self) {
                try await forge.isAncestor(sha, of: third, before: .amply)
            }
            #expect(foreign?.description.contains("does not begin at the requested commit") == true)
        }
    }
}
