import Foundation
import Shared
import Testing

@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Ledger

@Suite("Values of --since")
struct TimeCutoffTests {
    private static let day = 86_400.0

    @Test(
        "A period before now has one or several units",
        arguments: [
            ("30d", 30 * day), ("12h", day / 2), ("90m", 5_400), ("45s", 45), ("500ms", 0.5), ("2w", 14 * day),
            ("1d12h", 1.5 * day), ("1w2d", 9 * day), ("0s", 0),
        ])
    func back(text: String, seconds: Double) throws {
        let date = try #require(try TimeCutoff(parsing: text).date(now: LedgerFixtures.now))
        #expect(LedgerFixtures.now.timeIntervalSince(date) == seconds)
    }

    @Test(
        "A date means midnight in UTC; a time has its offset",
        arguments: [
            ("2026-10-01", "2026-10-01T00:00:00.000Z"), ("2026-10-01T08:00:00Z", "2026-10-01T08:00:00.000Z"),
            ("2026-10-01T08:00:00+02:00", "2026-10-01T06:00:00.000Z"),
            ("2026-10-01t08:00:00.25z", "2026-10-01T08:00:00.250Z"),
        ])
    func at(text: String, moment: String) throws {
        #expect(try TimeCutoff(parsing: text).date(now: LedgerFixtures.now)?.rfc3339 == moment)
    }

    @Test(
        "Anything else is refused with examples",
        arguments: [
            "", "30", "d", "30x", "-3d", "yesterday", "2026-13-01", "2026-02-30", "2026-10-01T08:00:00",
            "2026-10-01 08:00",
            "20261001", "99999999999999999999w", "1001w", "2w3", "1e400d", "30 d", "20y",
        ])
    func refused(text: String) {
        let error = #expect(throws: TimeCutoff.ParseError.self) { try TimeCutoff(parsing: text) }
        #expect(error?.description.contains("30d") == true)
        #expect(error?.description.contains("\n") == false)
    }

    @Test("A time in the future is not a cutoff")
    func future() throws {
        #expect(try TimeCutoff(parsing: "2027-01-01").date(now: LedgerFixtures.now) == nil)
    }
}
