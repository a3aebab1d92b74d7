import Foundation
import Shared
import Testing

@testable import CollectorSupport
@testable import Ledger

@Suite("Days and weeks of the history")
struct HistoryPeriodTests {
    /// ISO 8601 weeks around the turn of the year, as `date +%G-W%V` prints them.
    @Test(
        "Weeks have their ISO 8601 names and begin on Monday",
        arguments: [
            ("2026-11-23T00:00:00Z", "2026-W48", "2026-11-23"), ("2026-11-22T23:59:59.999Z", "2026-W47", "2026-11-16"),
            ("2026-12-31T12:00:00Z", "2026-W53", "2026-12-28"), ("2027-01-03T23:59:59Z", "2026-W53", "2026-12-28"),
            ("2027-01-04T00:00:00Z", "2027-W01", "2027-01-04"), ("2025-12-29T00:00:00Z", "2026-W01", "2025-12-29"),
            ("2024-02-29T00:00:00Z", "2024-W09", "2024-02-26"), ("1969-12-31T00:00:00Z", "1970-W01", "1969-12-29"),
        ])
    func weeks(moment: String, name: String, start: String) throws {
        let period = HistoryPeriod(.week, of: try #require(Date(rfc3339: moment)))
        #expect(period.name == name)
        #expect(period.start.rfc3339 == "\(start)T00:00:00.000Z")
        #expect(period.previous < period)
        #expect(period.previous.start == period.start.addingTimeInterval(-7 * 86_400))
    }

    @Test("Days are of UTC")
    func days() throws {
        let period = HistoryPeriod(.day, of: try #require(Date(rfc3339: "2026-03-29T00:30:00+02:00")))
        #expect(period.name == "2026-03-28")
        #expect(period.previous.name == "2026-03-27")
    }
}
