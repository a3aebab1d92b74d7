import Shared
import Testing

@Suite("Durations, sanitised lines, environment variables")
struct TextTests {
    private static let durationsTable: [(String, Int)] = [
        ("500ms", 500), ("10s", 10_000), ("5m", 300_000), ("1h", 3_600_000), ("1d", 86_400_000), ("1m30s", 90_000),
        ("1.5s", 1_500), ("0s", 0), ("1h1m1s1ms", 3_661_001), (".5s", 500),
    ]

    @Test(
        "A duration is one or more numbers with units",
        arguments: durationsTable)
    func durations(text: String, milliseconds: Int) throws {
        #expect(try Duration(parsing: text) == .milliseconds(milliseconds))
    }

    private static let invalidDurations: [(String, Duration.ParseError)] = [
        ("", Duration.ParseError.empty), ("10", .noUnit), ("s", .noNumber), ("-5s", .noNumber), ("5 s", .noUnit),
        ("5y", .unknownUnit), ("5S", .unknownUnit), ("1.2.3s", .noNumber), ("1m30", .noUnit), ("4000d", .tooLong),
        ("99999999999999999999999999999999h", .tooLong), ("٣s", .noNumber), ("infs", .noNumber),
        ("1e3s", .unknownUnit),
    ]

    @Test(
        "Anything but a duration is refused with the reason",
        arguments: invalidDurations)
    func refusedDurations(text: String, error: Duration.ParseError) {
        #expect(throws: error) { try Duration(parsing: text) }
    }

    private static let briefTable: [(Int, String)] = [
        (0, "0ms"), (850, "850ms"), (999, "999ms"), (1_000, "1.0s"), (4_200, "4.2s"), (9_940, "9.9s"),
        (9_960, "10s"),
        (59_400, "59s"), (59_600, "1m 0s"), (185_000, "3m 5s"), (7_800_000, "2h 10m"), (356_400_000, "4d 3h"),
        (-4_200, "-4.2s"),
    ]

    @Test(
        "A duration is shown in one or two units",
        arguments: briefTable)
    func brief(milliseconds: Int, text: String) {
        #expect(Duration.milliseconds(milliseconds).brief == text)
    }

    private static let clampingTable: [(Double, Double)] = [
        (1.5, 1.5), (-2, -2), (0, 0), (.nan, 0), (.infinity, 3_162_240_000), (-.infinity, -3_162_240_000),
        (1e300, 3_162_240_000),
    ]

    @Test(
        "Seconds become a duration without overflow",
        arguments: clampingTable)
    func clamping(seconds: Double, expected: Double) {
        #expect(Duration(clampingSeconds: seconds).seconds == expected)
    }

    private static let sanitizedTable: [(String, String)] = [
        ("plain", "plain"), ("  two \t\n words\r\n", "two words"), ("a\u{1B}[31mred", "a\\u{1b}[31mred"),
        ("a\u{0}b\u{7F}c\u{9B}d", "a\\u{0}b\\u{7f}c\\u{9b}d"), ("\u{202E}evil", "\\u{202e}evil"),
        ("\u{2066}x\u{2069}", "\\u{2066}x\\u{2069}"),
        ("a\u{200B}b\u{200D}c\u{FEFF}", "a\\u{200b}b\\u{200d}c\\u{feff}"),
        ("a\u{2028}b\u{2029}c", "a\\u{2028}b\\u{2029}c"), ("a\u{85}b", "a\\u{85}b"), ("\u{E0041}", "\\u{e0041}"),
        ("\u{E000}", "\\u{e000}"), ("a\u{A0}\u{3000}b", "a b"), ("näch\u{301}ste ✓ 漢字", "näch\u{301}ste ✓ 漢字"),
        ("", ""),
        ("a\u{115F}b", "a\\u{115f}b"),
        // Commands to CI runners.
        ("::error::x", ":\\u{3a}error::x"), (" \t::error::x", ":\\u{3a}error::x"), (":::x", ":\\u{3a}:x"),
        ("a::b", "a::b"), (": :x", ": :x"), (":", ":"), ("::1", "::1"), ("::ffff:10.0.0.1", "::ffff:10.0.0.1"),
        ("::", ":\\u{3a}"), ("::1::x", ":\\u{3a}1::x"), ("::: x", ":\\u{3a}: x"), ("::1 up", "::1 up"),
        ("##[error]x", "#\\u{23}[error]x"), ("a ##vso[x]", "a #\\u{23}vso[x]"), ("a###[x]", "a#\\u{23}#[x]"),
        ("# #[x]", "# #[x]"), ("#1", "#1"), ("é::x", "é::x"), ("\u{200B}::x", "\\u{200b}::x"),
        ("é ##[x]", "é #\\u{23}[x]"),
    ]

    @Test(
        "Foreign text becomes one clean line",
        arguments: sanitizedTable)
    func sanitizing(text: String, line: String) {
        #expect(Sanitizer.singleLine(text) == line)
        #expect(Sanitizer.singleLine(line) == line, "sanitising twice changes the text again")
    }

    @Test("A line is never longer than its limit", arguments: 0...12)
    func limits(limit: Int) {
        for text in ["abcdefghijklmnop", "a\u{1B}b\u{1B}c\u{1B}", "a b c d e f g h", "漢字漢字漢字漢字漢字漢字漢字"] {
            let line = Sanitizer.singleLine(text, limit: limit)
            #expect(line.unicodeScalars.count <= limit)
            #expect(limit == 0 || line.hasSuffix("…"))
        }
        #expect(Sanitizer.singleLine("exactly", limit: 7) == "exactly")
    }

    @Test("A variable sets a flag that the command line does not set")
    func environment() {
        let flags: [EnvironmentArguments.Flag] = [
            .init("--fail-after"), .init("--host", .values), .init("--superseded-ok", .switchOn), .init("--sha"),
        ]
        let environment = [
            "BUILDINFO_FAIL_AFTER": "5", "BUILDINFO_HOST": "a\nb\r\nc\n", "BUILDINFO_SUPERSEDED_OK": "Yes",
            "BUILDINFO_SHA": "",
        ]
        func additions(_ line: String...) -> [String] {
            EnvironmentArguments.additions(for: flags, commandLine: line, environment: environment)
        }
        let all = ["--fail-after=5", "--host=a", "--host=b", "--host=c", "--superseded-ok"]
        #expect(additions() == all)
        #expect(additions("--fail-after", "2") == Array(all.dropFirst()))
        #expect(additions("--fail-after=2") == Array(all.dropFirst()))
        #expect(additions("--fail-after-all") == all)
        #expect(additions("--", "--fail-after") == all)
        #expect(additions("--host", "x", "--superseded-ok") == ["--fail-after=5"])
        let off = EnvironmentArguments.additions(
            for: flags, commandLine: [], environment: ["BUILDINFO_SUPERSEDED_OK": "0"])
        #expect(off.isEmpty)
    }

    @Test("An empty variable is an error for a flag whose absence weakens the check")
    func emptied() {
        let flags: [EnvironmentArguments.Flag] = [.init("--progress"), .init("--digest", needsText: true)]
        func emptied(_ environment: [String: String], _ line: String...) -> String? {
            EnvironmentArguments.emptied(among: flags, commandLine: line, environment: environment)
        }
        #expect(emptied(["BUILDINFO_DIGEST": "", "BUILDINFO_PROGRESS": ""]) == "BUILDINFO_DIGEST")
        #expect(emptied(["BUILDINFO_PROGRESS": ""]) == nil)
        #expect(emptied(["BUILDINFO_DIGEST": "x"]) == nil)
        #expect(emptied([:]) == nil)
        #expect(emptied(["BUILDINFO_DIGEST": ""], "--digest=x") == nil)
    }

    @Test("Only unreserved characters stay as they are in an address")
    func percent() {
        #expect("a-B_9.~".percentEncoded == "a-B_9.~")
        #expect("a b/ü?".percentEncoded == "a%20b%2F%C3%BC%3F")
        #expect("!~".isVisibleASCII && "".isVisibleASCII)
        for text in ["a b", "a\u{7F}", "ü", "\n"] { #expect(!text.isVisibleASCII) }
    }
}
