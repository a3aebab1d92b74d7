import FoundationEssentials
import Registry
import Reports
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Operations
@testable import Verdict

@Suite("The board of a tag") struct TagBoardTests {
    private static let service = DeployedService("canvas", in: .standard)
    private static let minute = Duration.seconds(60)

    /// A board that was read once.
    private static func board(
        readAt: ContinuousClock.Instant?, promotions: [Promotion], hasFailed: Bool = false, isDoubted: Bool = false,
        isMoved: Bool = false
    ) throws -> TagSnapshot {
        let image = try #require(ImageReference(parsing: "registry.example/canvas:latest"))
        let board = TagBoard(of: image, interval: minute, changes: ChangeSignal())
        board.update { content in
            content.readAt = readAt
            content.hasFailed = hasFailed
            content.isDoubted = isDoubted
            content.findings = isMoved ? [.init(kind: .tagMoved, message: "moved")] : []
            content.rules = readAt.map { _ in
                DriftRules(
                    service: service, image: image, tag: nil, promotions: promotions, journal: [], candidates: [],
                    converged: ["host-0": "v"], now: Date())
            }
        }
        return board.snapshot
    }

    /// A fleet whose target has a generation.
    private static func fleet(_ generation: Int?) -> FleetSnapshot {
        var snapshot = FleetSnapshot(deployed: service)
        snapshot.target = generation.map { Target(service: "canvas", gitSHA: .of("a"), generation: $0) }
        return snapshot
    }

    private static let promotion = Promotion(
        generation: 3, gitSHA: .of("a"), digest: nil, at: "2026-11-29T10:00:00Z")

    @Test("A tag is 'none' for three intervals after its last read, and 'unknown' then and before the first read")
    func age() throws {
        let now = ContinuousClock.now
        let fleet = Self.fleet(3)
        let calm = try Self.board(readAt: now, promotions: [Self.promotion])
        #expect(calm.state(in: fleet, [], at: now + Self.minute * 3) == .none)
        #expect(calm.state(in: fleet, [], at: now + Self.minute * 3 + .milliseconds(1)) == .unknown)
        #expect(try Self.board(readAt: nil, promotions: []).state(in: fleet, [], at: now) == .unknown)
        let moved = try Self.board(readAt: now, promotions: [Self.promotion], isMoved: true)
        #expect(moved.state(in: fleet, [], at: now) == .found)
        #expect(moved.state(in: fleet, [], at: now + Self.minute * 4) == .unknown)
        #expect(moved.findings.count == 1, "what was found stays")
    }

    @Test("A tag whose last read failed is unknown at once, however young the read before is")
    func failure() throws {
        let now = ContinuousClock.now
        for isMoved in [true, false] {
            let tag = try Self.board(readAt: now, promotions: [Self.promotion], hasFailed: true, isMoved: isMoved)
            #expect(tag.state(in: Self.fleet(3), [], at: now) == .unknown)
            #expect(!tag.isFresh(at: now))
        }
    }

    @Test("A tag that was compared with another promotion than the last, or with none, is neither 'none' nor 'found'")
    func otherPromotion() throws {
        let now = ContinuousClock.now
        for isMoved in [true, false] {
            let tag = try Self.board(readAt: now, promotions: [Self.promotion], isMoved: isMoved)
            #expect(tag.state(in: Self.fleet(4), [], at: now) == .pending)
        }
        let none = try Self.board(readAt: now, promotions: [])
        #expect(none.state(in: Self.fleet(nil), [], at: now) == .pending)
    }

    @Test("A young difference is pending, and a host that went back is found, whatever the tag is")
    func differences() throws {
        let now = ContinuousClock.now
        let young = try Self.board(readAt: now, promotions: [Self.promotion], isDoubted: true, isMoved: true)
        #expect(young.state(in: Self.fleet(3), [], at: now) == .pending)
        let calm = try Self.board(readAt: now, promotions: [Self.promotion])
        let host = Drift.Finding(kind: .hostDrifted, message: "went back")
        #expect(calm.state(in: Self.fleet(3), [host], at: now) == .found)
    }
}
