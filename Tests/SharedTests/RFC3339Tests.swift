import Shared
import Testing

@Suite("RFC 3339")
struct RFC3339Tests {
    private static let moments: [(String, Int64, Int64)] = [
        ("1970-01-01T00:00:00Z", 0, 0), ("2026-11-20T10:00:00.123456789Z", 1_795_168_800, 123_456_789),
        ("2026-11-20T12:00:00.5+02:00", 1_795_168_800, 500_000_000), ("2026-11-20T05:30:00-04:30", 1_795_168_800, 0),
        ("2000-02-29T23:59:59Z", 951_868_799, 0), ("1969-12-31T23:59:59.999Z", -1, 999_000_000),
        ("0000-01-01T00:00:00Z", -62_167_219_200, 0), ("0001-01-01T00:00:00Z", -62_135_596_800, 0),
        ("9999-12-31T23:59:59Z", 253_402_300_799, 0), ("2026-11-20t10:00:00z", 1_795_168_800, 0),
        ("2026-11-20T10:00:00.1234567899Z", 1_795_168_800, 123_456_789),
        ("2026-11-20T10:00:00-00:00", 1_795_168_800, 0), ("2016-12-31T23:59:60Z", 1_483_228_800, 0),
    ]

    @Test("A timestamp is parsed to the nanosecond, with any offset", arguments: moments)
    func parsing(text: String, seconds: Int64, nanoseconds: Int64) throws {
        let moment = try #require(RFC3339(text))
        #expect(moment.seconds == seconds && moment.nanoseconds == nanoseconds)
        #expect(RFC3339.unixMilliseconds(text) == seconds * 1_000 + nanoseconds / 1_000_000)
    }

    private static let invalid = [
        "", "yesterday", "2026-11-23", "2026-11-23T13:43:01", "2026-11-23 13:43:01Z", "2026-11-23T13:43Z",
        "2026-11-23T13:43:01.Z", "2026-11-23T13:43:01,5Z", "2026-11-23T13:43:01+1:00", "2026-11-23T13:43:01+0100",
        "2026-11-23T13:43:01+24:00", "2026-11-23T13:43:01+01:60", "2026-11-23T13:43:01Z\n", " 2026-11-23T13:43:01Z",
        "2026-11-23T13:43:01Zx", "2026-11-23T13:43:01ZZ", "2026-1-3T01:01:01.0Z", "20261123T134301.000Z",
        "2026-00-01T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-00T00:00:00Z", "2026-02-31T00:00:00Z",
        "2026-04-31T00:00:00Z", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-11-23T24:00:00Z",
        "2026-11-23T99:00:00Z", "2026-11-23T13:60:00Z", "2026-11-23T13:43:61Z", "+026-11-23T13:43:01Z",
        "٢٠26-11-23T13:43:01Z", "2026-11-23T13:43:01.\(String(repeating: "0", count: 40))Z",
    ]

    @Test("Anything else is refused, such as 31 February, hour 99 and text after the end", arguments: invalid)
    func refusing(text: String) {
        #expect(RFC3339(text) == nil)
        #expect(!RFC3339.isTimestamp(text))
    }

    @Test("Moments are ordered by the nanosecond")
    func order() throws {
        let texts = ["2026-11-20T10:00:00.000000001Z", "2026-11-20T10:00:00.000000002Z", "2026-11-20T10:00:01Z"]
        let moments = try texts.map { try #require(RFC3339($0)) }
        #expect(moments == moments.sorted() && moments[0] < moments[1])
    }

    private static let texts: [(Int64, String)] = [
        (0, "1970-01-01T00:00:00.000Z"), (1_795_441_381_970, "2026-11-23T13:43:01.970Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
        (.max, "9999-12-31T23:59:59.999Z"), (.min, "0000-01-01T00:00:00.000Z"),
    ]

    @Test("Milliseconds become a timestamp, which is parsed again", arguments: texts)
    func writing(milliseconds: Int64, text: String) {
        #expect(RFC3339.text(unixMilliseconds: milliseconds) == text)
        let clamped = min(max(milliseconds, -62_167_219_200_000), 253_402_300_799_999)
        #expect(RFC3339.unixMilliseconds(text) == clamped)
    }
}
