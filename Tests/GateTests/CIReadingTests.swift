import Testing

@testable import CollectorFixtures
@testable import Gate

@Suite("Gate, CI: one reading")
struct CIReadingTests {
    private static func row(
        _ id: Int64, _ state: String, _ source: CIRow.Source = .status, context: String = "build"
    ) -> CIRow {
        CIRow(context: context, id: id, source: source, state: CIState(state))
    }

    private static let actions = CIRow.Source.checkRun(app: "github-actions")
    private static let other = CIRow.Source.checkRun(app: "other")

    @Test(
        "The row with the highest id decides, in any order",
        arguments: [
            [(1, "success"), (3, "failure"), (2, "success")], [(3, "failure"), (2, "success"), (1, "success")],
            [(2, "success"), (1, "pending"), (3, "failure")],
        ])
    func highest(rows: [(Int64, String)]) {
        let standing = CIReading(views: [rows.map { Self.row($0.0, $0.1) }]).standing(of: "build")
        #expect(standing.state.name == "failure")
        #expect(standing.row?.id == 3)
    }

    @Test("Only rows with one id and different states are unsettled")
    func contradiction() {
        let twice = CIReading(views: [[Self.row(3, "success"), Self.row(3, "failure")]])
        #expect(twice.standing(of: "build").state == .unsettled)
        let same = CIReading(views: [[Self.row(3, "success"), Self.row(3, "success")]])
        #expect(same.standing(of: "build").state == .success)
        let decided = CIReading(views: [[Self.row(3, "success"), Self.row(3, "failure"), Self.row(4, "success")]])
        #expect(decided.standing(of: "build").state == .success)
    }

    @Test("Both views must agree on the id and the state")
    func views() {
        let old = Self.row(3, "success")
        let new = Self.row(4, "failure")
        #expect(CIReading(views: [[old], [old, new]]).standing(of: "build").state == .unsettled)
        #expect(CIReading(views: [[old], []]).standing(of: "build").state == .unsettled)
        #expect(CIReading(views: [[], [old]]).standing(of: "build").state == .unsettled)
        #expect(CIReading(views: [[old], [Self.row(3, "pending")]]).standing(of: "build").state == .unsettled)
        #expect(CIReading(views: [[old], [Self.row(4, "success")]]).standing(of: "build").state == .unsettled)
        #expect(CIReading(views: [[new, old], [new]]).standing(of: "build").row?.id == 4)
        // Rows of another context do not count.
        let foreign = Self.row(9, "success", context: "lint")
        #expect(CIReading(views: [[old, foreign], [old]]).standing(of: "build").state == .success)
    }

    @Test("Names are compared exactly, and an absent context is missing")
    func names() {
        let reading = CIReading(views: [[Self.row(1, "success", context: "Build")]])
        #expect(reading.standing(of: "build") == .init(state: .missing))
        #expect(CIReading(views: []).standing(of: "build").state != .success)
    }

    @Test("Another app's check run with the same name satisfies nothing, and its failure counts")
    func apps() {
        let waiting = CIReading(views: [[Self.row(1, "pending", Self.actions), Self.row(9, "success", Self.other)]])
        #expect(waiting.standing(of: "build").state == .pending)
        let failing = CIReading(views: [[Self.row(9, "success", Self.actions), Self.row(1, "failure", Self.other)]])
        #expect(failing.standing(of: "build").state.name == "failure")
        #expect(failing.standing(of: "build", app: "github-actions").state == .success)
        let absent = CIReading(views: [[Self.row(9, "success", Self.other)]])
        #expect(absent.standing(of: "build", app: "github-actions").state == .missing)
        let mixed = CIReading(views: [[Self.row(1, "success", Self.actions), Self.row(2, "error")]])
        #expect(mixed.standing(of: "build", app: "github-actions").state.name == "error")
    }

    @Test(
        "Only success satisfies; other final states end the wait; all others wait",
        arguments: [
            ("success", CIState.Effect.satisfied), ("failure", .ended), ("error", .ended), ("cancelled", .ended),
            ("canceled", .ended), ("skipped", .ended), ("timed_out", .ended), ("startup_failure", .ended),
            ("neutral", .ended), ("stale", .ended), ("pending", .waiting), ("missing", .waiting),
            ("warning", .waiting), ("unsettled", .waiting), ("action_required", .waiting), ("unknown", .waiting),
            ("SUCCESS", .waiting), ("success ", .waiting), ("", .waiting), ("successful", .waiting),
            (" success", .waiting), ("'success'", .waiting),
        ])
    func effects(name: String, effect: CIState.Effect) {
        #expect(CIState(name).effect == effect)
    }
}
