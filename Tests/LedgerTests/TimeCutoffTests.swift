import Foundation
import Shared
import Testing

@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Ledger

@Suite("Values of --since, --until and --at")
struct TimeCutoffTests {
    private static let day = 86_400.0

    @Test(
        "A period before now has one or several units",
        arguments: [
            ("30d", 30 * day), ("12h", day / 2), ("90m", 5_400), ("45s", 45), ("500ms", 0.5), ("2w", 14 * day),
            ("1d12h", 1.5 * day), ("1w2d", 9 * day), ("0s", 0), ("now", 0), ("NOW", 0),
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

    // LedgerFixtures.now is Monday, 2026-11-23T12:00:00Z.
    @Test(
        "A day can be named, and is the last such day; a time has its offset, with which its day begins",
        arguments: [
            ("today", "2026-11-23T00:00:00.000Z"), ("yesterday", "2026-11-22T00:00:00.000Z"),
            ("yesterday 14:00Z", "2026-11-22T14:00:00.000Z"), ("tuesday", "2026-11-17T00:00:00.000Z"),
            ("Tuesday 14:00+01:00", "2026-11-17T13:00:00.000Z"), ("tue 14:00:30 Z", "2026-11-17T14:00:30.000Z"),
            ("monday", "2026-11-23T00:00:00.000Z"), ("monday 11:59Z", "2026-11-23T11:59:00.000Z"),
            ("monday 12:01Z", "2026-11-16T12:01:00.000Z"), ("sunday 23:30-10:00", "2026-11-23T09:30:00.000Z"),
            ("monday 00:30+14:00", "2026-11-22T10:30:00.000Z"), ("today 00:30+14:00", "2026-11-23T10:30:00.000Z"),
            ("2026-10-01 08:00Z", "2026-10-01T08:00:00.000Z"), ("2026-10-01T08:00+02:00", "2026-10-01T06:00:00.000Z"),
            ("2026-10-25 02:30+02:00", "2026-10-25T00:30:00.000Z"),
            ("2026-10-25 02:30+01:00", "2026-10-25T01:30:00.000Z"),
        ])
    func named(text: String, moment: String) throws {
        #expect(try TimeCutoff(parsing: text).moment(now: LedgerFixtures.now).rfc3339 == moment)
    }

    @Test(
        "Anything else is refused with examples",
        arguments: [
            "", "30", "d", "30x", "-3d", "last tuesday", "2026-13-01", "2026-02-30", "2026-10-01T08:00:00",
            "2026-10-01 08:00", "yesterday 14:00", "tuesday 25:00Z", "tuesday 14Z", "tuesday 14:00 CET", "thu rsday",
            "tuesday ", "2026-10-01T", "2026-10-01 08:00ZZ", "yesterdayT14:00Z", "ＭＯＮＤＡＹ", "2026-10-01\u{0}08:00Z",
            "now Z", "now 08:00Z", "20261001", "99999999999999999999w", "1001w", "2w3", "1e400d", "30 d", "20y",
        ])
    func refused(text: String) {
        let error = #expect(throws: TimeCutoff.ParseError.self) { try TimeCutoff(parsing: text) }
        #expect(error?.description.contains("30d") == true)
        #expect(error?.description.contains("\n") == false)
    }

    @Test("A time in the future is not a cutoff")
    func future() throws {
        #expect(try TimeCutoff(parsing: "2027-01-01").date(now: LedgerFixtures.now) == nil)
        #expect(try TimeCutoff(parsing: "today 23:00Z").date(now: LedgerFixtures.now) == nil)
    }
}
