import FoundationEssentials
import Shared
import Testing

@Suite("What a service says of its commit")
struct ProbeResultTests {
    private static let image = String(repeating: "ab", count: 20)
    private static let other = String(repeating: "cd", count: 20)

    private static let table: [(Reported<GitSHA>?, ProbeResult.Agreement)] = [
        (GitSHA(contractText: image).map(Reported.known), .same),
        (GitSHA(contractText: other).map(Reported.known), .other),
        (GitSHA(contractText: String(repeating: "ab", count: 32)).map(Reported.known), .other),
        (.unusable("abababa"), .same), (.unusable("ABABABAB"), .same), (.unusable("abababc"), .other),
        (.unusable(String(image.dropLast())), .same),
        // Fewer digits than Git abbreviates to are no commit, and neither is what only looks like one.
        (.unusable("cdcdcd"), .silent), (.unusable("dev"), .silent), (.unusable(""), .silent),
        (.unusable("0000000"), .silent), (.unusable("cdcdcdcd-dirty"), .silent), (.unusable(other + "cd"), .silent),
        (.absent, .silent), (nil, .silent),
    ]

    @Test(
        "a full commit is compared, a shortened one as far as it goes, and what is none says nothing", arguments: table)
    func agreement(said: Reported<GitSHA>?, expected: ProbeResult.Agreement) throws {
        let answer = ProbeResult(url: "u", outcome: .ok, gitSHA: said)
        let commit = try GitSHA(parsing: Self.image)
        #expect(answer.agreement(with: [commit]) == expected)
        // Without anything to compare with, nothing agrees and nothing differs.
        #expect(answer.agreement(with: []) == (expected == .silent ? .silent : .nothing))
    }

    @Test(
        "what a service said is passed on as it said it",
        arguments: [.unusable("dev"), .unusable(""), .absent, nil] as [Reported<GitSHA>?])
    func coding(said: Reported<GitSHA>?) throws {
        let answer = ProbeResult(url: "u", outcome: .ok, status: 200, gitSHA: said, latencySeconds: 0.5)
        let data = try JSONEncoder().encode(answer)
        #expect(try JSONDecoder().decode(ProbeResult.self, from: data) == answer)
    }

    private static let moments: [(String, Int64?)] = [
        ("1970-01-01T00:00:00Z", 0), ("2026-11-20T10:00:00.123456789Z", 1_795_168_800_123),
        ("2026-11-20T12:00:00.5+02:00", 1_795_168_800_500), ("2026-11-20T05:30:00-04:30", 1_795_168_800_000),
        ("2000-02-29T23:59:59Z", 951_868_799_000), ("1969-12-31T23:59:59.999Z", -1),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000),
        ("2026-13-01T00:00:00Z", nil), ("2026-11-00T00:00:00Z", nil), ("yesterday", nil), ("", nil),
    ]

    @Test("a timestamp is milliseconds since 1970, whatever its zone", arguments: moments)
    func timestamps(text: String, expected: Int64?) {
        #expect(RFC3339.unixMilliseconds(text) == expected)
        if let expected, expected >= 0 {
            let again = RFC3339.unixMilliseconds(RFC3339.text(unixMilliseconds: expected))
            #expect(again == expected)
        }
    }
}
