import Shared
import Testing

@testable import CollectorFixtures
@testable import Registry
@testable import Verdict

struct PromotedContentTests {
    private static func digest(_ digit: Character) -> String { Digest.of(digit).description }

    @Test("An index yields its platforms' manifests without attestations")
    func index() throws {
        let json = """
            {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [
              {"digest": "\(Self.digest("a"))", "platform": {"os": "linux", "architecture": "amd64"}},
              {"digest": "\(Self.digest("b"))", "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
              {"digest": "\(Self.digest("c"))", "platform": {"os": "unknown", "architecture": "unknown"}},
              {"digest": "\(Self.digest("d"))", "platform": {"os": "linux", "architecture": "amd64"},
               "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}]}
            """
        let content = try PromotedContent(parsing: Array(json.utf8), digest: .of("1"))
        #expect(content.isIndex)
        #expect(content.manifests.map(\.digest) == [.of("a"), .of("b")])
        #expect(content.manifests.map { $0.platform?.description } == ["linux/amd64", "linux/arm64"])
    }

    @Test("A manifest yields its configuration")
    func manifest() throws {
        let json = "{\"schemaVersion\": 2, \"config\": {\"digest\": \"\(Self.digest("e"))\"}, \"layers\": []}"
        let content = try PromotedContent(parsing: Array(json.utf8), digest: .of("1"))
        #expect(!content.isIndex)
        #expect(content.manifests == [.init(digest: .of("1"), platform: nil, config: .of("e"))])
    }

    @Test(
        "Other content is rejected with its reason",
        arguments: [
            ("", PromotedContentError.notJSON), ("<html>", .notJSON), ("{}", .neither),
            (
                "{\"manifests\": [], \"config\": {\"digest\": \"\(Digest.of("e"))\"}}",
                .both
            ),
        ])
    func refused(_ json: String, _ reason: PromotedContentError) {
        #expect(throws: reason) { try PromotedContent(parsing: Array(json.utf8), digest: .of("1")) }
    }
}
