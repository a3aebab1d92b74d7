import Shared
import Testing

@Suite("Commits and digests")
struct CommitAndDigestTests {
    private static let forty = String(repeating: "a1", count: 20)
    private static let sixtyFour = String(repeating: "0f", count: 32)

    @Test("A full commit id is kept in lower case", arguments: [forty, forty.uppercased(), sixtyFour])
    func commits(text: String) throws {
        #expect(try GitSHA(parsing: text).hex == text.lowercased())
        #expect(GitSHA.problem(with: text) == nil)
    }

    private static let invalidCommits: [(String, GitSHA.ParseError)] = [
        ("", GitSHA.ParseError.empty), ("dev", .notHexadecimal), ("unknown", .notHexadecimal),
        ("abcdef0", .shortened(digits: 7)),
        (String(repeating: "a", count: 41), .wrongLength(digits: 41)),
        (String(repeating: "0", count: 40), .allZeros),
        (String(repeating: "0", count: 64), .allZeros), (forty + "-dirty", .dirty), (forty + "-DIRTY", .dirty),
        (" " + forty, .notHexadecimal), (forty + "\n", .notHexadecimal),
        (String(repeating: "１", count: 40), .notHexadecimal),
        (String(repeating: "a", count: 39) + "е", .notHexadecimal),
    ]

    @Test(
        "Anything but a full commit id is refused with the reason",
        arguments: invalidCommits)
    func refusedCommits(text: String, error: GitSHA.ParseError) {
        #expect(GitSHA.problem(with: text) == error)
        #expect(throws: error) { try GitSHA(parsing: text) }
    }

    @Test("A digest is sha256 and 64 lower-case digits")
    func digests() throws {
        let digest = try Digest(parsing: "sha256:" + Self.sixtyFour)
        #expect(digest.description == "sha256:" + Self.sixtyFour)
        #expect(digest.short == "sha256:0f0f0f0f0f0f")
        #expect(Digest(sha256: [UInt8](repeating: 0x0F, count: 32)) == digest)
        #expect(Digest(sha256: [UInt8](repeating: 0x0F, count: 31)) == nil)
    }

    private static let invalidDigests: [(String, Digest.ParseError)] = [
        ("", Digest.ParseError.empty), (sixtyFour, .noAlgorithm), ("sha512:" + sixtyFour, .unsupportedAlgorithm),
        ("SHA256:" + sixtyFour, .unsupportedAlgorithm), ("sha256:", .wrongLength(digits: 0)),
        ("sha256:" + sixtyFour + "0", .wrongLength(digits: 65)),
        ("sha256:" + sixtyFour.uppercased(), .notLowerHexadecimal),
        ("sha256:" + String(sixtyFour.dropLast()) + "g", .notLowerHexadecimal),
    ]

    @Test(
        "Anything but a digest is refused with the reason",
        arguments: invalidDigests)
    func refusedDigests(text: String, error: Digest.ParseError) {
        #expect(throws: error) { try Digest(parsing: text) }
    }

    private static let platformsTable: [(String, String)] = [
        ("linux/amd64", "linux/amd64"), ("linux/x86_64", "linux/amd64"), ("Linux/X86-64", "linux/amd64"),
        ("linux/amd64/v1", "linux/amd64"), ("linux/amd64/v2", "linux/amd64/v2"), ("linux/i386", "linux/386"),
        ("linux/aarch64", "linux/arm64"), ("linux/arm64/v8", "linux/arm64"), ("linux/arm64/8", "linux/arm64"),
        ("linux/arm64/v9", "linux/arm64/v9"), ("linux/armhf", "linux/arm/v7"), ("linux/armel", "linux/arm/v6"),
        ("linux/arm", "linux/arm/v7"), ("linux/arm/7", "linux/arm/v7"), ("linux/arm/6", "linux/arm/v6"),
        ("linux/arm/v6", "linux/arm/v6"), ("linux/arm/5", "linux/arm/v5"), ("macos/arm64", "darwin/arm64"),
        ("linux/riscv64", "linux/riscv64"), ("windows/AMD64", "windows/amd64"), ("linux/ppc64le", "linux/ppc64le"),
    ]

    @Test(
        "Platforms are normalised as containerd does",
        arguments: platformsTable)
    func platforms(text: String, normal: String) {
        #expect(Platform(parsing: text)?.description == normal)
    }

    @Test(
        "Anything but a platform is refused",
        arguments: ["", "linux", "linux/", "/amd64", "linux/arm/v7/x", "linux//v7"])
    func refusedPlatforms(text: String) {
        #expect(Platform(parsing: text) == nil)
    }

    @Test("unknown/unknown is the platform of attestations")
    func attestations() {
        #expect(Platform(parsing: "unknown/unknown")?.isAttestation == true)
        #expect(Platform(parsing: "linux/unknown")?.isAttestation == false)
    }
}
