import FoundationEssentials
import Shared
import Testing

@Suite("Probe results")
struct ProbeResultTests {
    private static let image = String(repeating: "ab", count: 20)
    private static let other = String(repeating: "cd", count: 20)

    private static let table: [(Reported<GitSHA>?, ProbeResult.Agreement)] = [
        (GitSHA(contractText: image).map(Reported.known), .same),
        (GitSHA(contractText: other).map(Reported.known), .other),
        (GitSHA(contractText: String(repeating: "ab", count: 32)).map(Reported.known), .other),
        (.unusable("abababa"), .same), (.unusable("ABABABAB"), .same), (.unusable("abababc"), .other),
        (.unusable(String(image.dropLast())), .same),
        // Fewer digits than Git abbreviates to, and text that only resembles a commit.
        (.unusable("cdcdcd"), .silent), (.unusable("dev"), .silent), (.unusable(""), .silent),
        (.unusable("0000000"), .silent), (.unusable("cdcdcdcd-dirty"), .silent), (.unusable(other + "cd"), .silent),
        (.absent, .silent), (nil, .silent),
    ]

    @Test(
        "Full and shortened commits are compared, and any other text counts as silence", arguments: table)
    func agreement(said: Reported<GitSHA>?, expected: ProbeResult.Agreement) throws {
        let answer = ProbeResult(url: "u", outcome: .ok, gitSHA: said)
        let commit = try GitSHA(parsing: Self.image)
        #expect(answer.agreement(with: [commit]) == expected)
        // Without an expected commit, an answer neither agrees nor differs.
        #expect(answer.agreement(with: []) == (expected == .silent ? .silent : .nothing))
    }

    @Test(
        "A service's commit is encoded as the service sent it",
        arguments: [.unusable("dev"), .unusable(""), .absent, nil] as [Reported<GitSHA>?])
    func coding(said: Reported<GitSHA>?) throws {
        let answer = ProbeResult(url: "u", outcome: .ok, status: 200, gitSHA: said, latencySeconds: 0.5)
        let data = try JSONEncoder().encode(answer)
        #expect(try JSONDecoder().decode(ProbeResult.self, from: data) == answer)
    }
}
