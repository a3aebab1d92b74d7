import Registry
import Shared
import Testing

@Suite("Candidate patterns")
struct CandidatePatternTests {
    private static let sha40 = String(repeating: "0a1b", count: 10)
    private static let sha64 = String(repeating: "0a1b", count: 16)

    @Test("By default a candidate's tag is staging-<sha>")
    func defaultPattern() throws {
        let sha = try GitSHA(parsing: Self.sha40)
        #expect(CandidatePattern.standard.description == "staging-{sha}")
        #expect(try CandidatePattern(parsing: "staging-{sha}") == .standard)
        #expect(CandidatePattern.standard.tag(for: sha) == "staging-\(Self.sha40)")
    }

    @Test(
        "A pattern makes the tag of a commit and reads the commit back from it",
        arguments: ["{sha}", "staging-{sha}", "build.{sha}_amd64", "v{sha}", "{sha}-rc", "a{sha}a", "_{sha}"])
    func roundTrip(_ text: String) throws {
        let pattern = try CandidatePattern(parsing: text)
        #expect(pattern.description == text)
        for hex in [Self.sha40, Self.sha64] {
            let tag = pattern.tag(for: try GitSHA(parsing: hex))
            #expect(tag == text.replacing("{sha}", with: hex))
            #expect(pattern.commit(in: tag) == hex[...])
        }
    }

    @Test(
        "A commit is read only from a tag that fits the whole pattern",
        arguments: [
            ("staging-{sha}", "staging-0123456", "0123456"),
            ("staging-{sha}", "staging-ABCDEF0", "ABCDEF0"),
            ("staging-{sha}", "staging-012345", nil),
            ("staging-{sha}", "staging-0123456x", nil),
            ("staging-{sha}", "latest", nil),
            ("staging-{sha}", "Staging-0123456", nil),
            ("staging-{sha}", "staging-\(String(repeating: "a", count: 65))", nil),
            ("ci-{sha}-ok", "ci-0123456-ok", "0123456"),
            ("ci-{sha}-ok", "ci-0123456", nil),
            ("ci-{sha}-ok", "ci-ok", nil),
            ("abc{sha}abc", "abc", nil),
            ("abc{sha}abc", "abcabc", nil),
        ] as [(String, String, String?)])
    func readsCommit(_ pattern: String, _ tag: String, _ commit: String?) throws {
        #expect(try CandidatePattern(parsing: pattern).commit(in: tag).map(String.init) == commit)
    }

    @Test(
        "A pattern that cannot make valid tags is rejected with its reason",
        arguments: [
            ("", .noPlaceholder), ("staging", .noPlaceholder), ("staging-{SHA}", .noPlaceholder),
            ("{sha}{sha}", .severalPlaceholders), ("a-{sha}-{sha}", .severalPlaceholders),
            ("staging/{sha}", .invalidCharacter("/")), ("staging {sha}", .invalidCharacter(" ")),
            ("{sha}:x", .invalidCharacter(":")), ("{sha}@x", .invalidCharacter("@")),
            ("é{sha}", .invalidCharacter("é")),
            ("{{sha}}", .invalidCharacter("{")), ("-{sha}", .invalidStart("-")), (".{sha}", .invalidStart(".")),
            (String(repeating: "a", count: 65) + "{sha}", .tooLong),
        ] as [(String, CandidatePattern.ParseError)])
    func rejected(_ text: String, _ error: CandidatePattern.ParseError) {
        #expect(throws: error) { try CandidatePattern(parsing: text) }
    }

    @Test("The longest pattern still fits a tag with a SHA-256 commit id")
    func longest() throws {
        let pattern = try CandidatePattern(parsing: String(repeating: "a", count: 64) + "{sha}")
        #expect(pattern.tag(for: try GitSHA(parsing: Self.sha64)).utf8.count == 128)
    }
}
