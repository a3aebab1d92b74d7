import Ledger
import Logging
import Registry
import Reports
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Operations
@testable import Verdict

@Suite("Reads of a watched tag", .timeLimit(.minutes(2))) struct TagReadTests {
    private static let commit = String(repeating: "a", count: 40)
    private static let other = String(repeating: "b", count: 40)
    private static let first = MadeImage.single(revision: commit)
    private static let second = MadeImage.single(revision: other)

    /// Watches `canvas:latest` every second while `body` runs.
    private static func watching(
        _ registry: MemoryRegistry, _ body: (TagBoard) async throws -> Void
    ) async throws {
        let folder = try TemporaryFolder()
        let image = try #require(ImageReference(parsing: "\(registry.authority)/canvas:latest"))
        let ledger = try await Ledger.open(path: folder.path("ledger.db"))
        let board = TagBoard(of: image, interval: .seconds(1), changes: ChangeSignal())
        let check = TagCheck(
            of: DeployedService("canvas", in: .standard),
            tag: WatchedTag(
                image: image, interval: .seconds(1), candidates: .standard,
                access: RegistryAccess(credentials: CredentialSources(flag: nil, environment: [:]))),
            ledger: ledger, board: board, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let task = Task { await check.run() }
        do { try await body(board) } catch {
            task.cancel()
            await task.value
            throw error
        }
        task.cancel()
        await task.value
        await ledger.close(loggingTo: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        await registry.stop()
    }

    private static func wait(_ board: TagBoard, for image: MadeImage) async throws {
        try await eventually("the tag is read", detail: { "\(board.snapshot)" }) {
            board.snapshot.build?.digest == image.digest
        }
    }

    private static func reads(_ board: TagBoard, more: Int) async throws {
        let reads = board.snapshot.reads
        try await eventually("it is read again") { board.snapshot.reads >= reads + more }
    }

    @Test("While the tag does not move, a read is one HEAD request")
    func calm() async throws {
        let registry = try await MemoryRegistry.start()
        registry.push(Self.first, "latest")
        try await Self.watching(registry) { board in
            try await Self.wait(board, for: Self.first)
            try await Self.reads(board, more: 1)
            let before = registry.asked.count
            try await Self.reads(board, more: 3)
            // The candidates are listed every ten intervals.
            let asked = registry.asked.dropFirst(before).filter { !$0.path.contains("/tags/list") }
            #expect(asked.allSatisfy { $0.method == "HEAD" && $0.path.hasSuffix("/manifests/latest") }, "\(asked)")
            #expect(!asked.isEmpty)
            registry.push(Self.second, "latest")
            try await Self.wait(board, for: Self.second)
        }
    }

    @Test(
        "A registry that answers HEAD with 404 or without a digest is asked by GET",
        arguments: [ScriptedHostAnswer.status(404), .answer(status: 200, headers: [], body: [])])
    func head(_ answer: ScriptedHostAnswer) async throws {
        let registry = try await MemoryRegistry.start()
        registry.push(Self.first, "latest")
        registry.behave { request, _ in request.method == "HEAD" ? .instead(answer) : .honest }
        try await Self.watching(registry) { board in
            try await Self.wait(board, for: Self.first)
            try await Self.reads(board, more: 2)
            #expect(board.snapshot.build?.digest == Self.first.digest)
            #expect(board.snapshot.isFresh(at: .now) && board.snapshot.problem == nil)
            registry.push(Self.second, "latest")
            try await Self.wait(board, for: Self.second)
            registry.remove(tag: "latest")
            try await eventually("the removal is seen") { board.snapshot.build == nil }
            #expect(board.snapshot.isFresh(at: .now), "a tag that does not exist is known")
        }
    }

    @Test("A list of tags that is refused leaves the tag known, and is not asked for with every read")
    func list() async throws {
        let registry = try await MemoryRegistry.start()
        registry.push(Self.first, "latest")
        registry.behave { request, _ in request.path.contains("/tags/list") ? .instead(.status(403)) : .honest }
        try await Self.watching(registry) { board in
            try await Self.wait(board, for: Self.first)
            try await Self.reads(board, more: 3)
            let snapshot = board.snapshot
            #expect(snapshot.isFresh(at: .now) && snapshot.unpromoted == nil)
            #expect(snapshot.problem?.contains("list of tags") == true, "\(snapshot.problem ?? "none")")
            #expect(registry.asked.count { $0.path.contains("/tags/list") } == 1)
        }
    }

    @Test("An answer that is not the registry's makes the tag unknown, and the last build stays")
    func page() async throws {
        let registry = try await MemoryRegistry.start()
        registry.push(Self.first, "latest")
        try await Self.watching(registry) { board in
            try await Self.wait(board, for: Self.first)
            registry.behave { _, _ in
                .instead(.answer(status: 200, headers: [("Content-Type", "text/html")], body: Array("<html>".utf8)))
            }
            try await eventually("the reason is known") { board.snapshot.problem != nil }
            #expect(!board.snapshot.isFresh(at: .now))
            #expect(board.snapshot.build?.digest == Self.first.digest)
            registry.behave { _, _ in .honest }
            try await eventually("it is known again") { board.snapshot.isFresh(at: .now) }
            #expect(board.snapshot.problem == nil)
        }
    }
}
