import Shared
import Testing

@testable import Agent
@testable import AgentCore

@Suite struct ImageReportTests {
    private static let repository = "registry.example/canvas"

    private static func short(_ entries: [DigestEvidence]) -> [String] {
        entries.map { entry in
            "\(entry.digest.hex.prefix(1)) \(entry.kind.rawValue) \(entry.source.rawValue)"
                + (entry.repository.map { " \($0)" } ?? "")
        }
    }

    @Test("The classic store reports its config digest and the typed repository's digest, which identifies it")
    func classic() throws {
        var facts = try Samples.facts()
        facts.image?.repoDigests = [
            "a.example/other@" + Samples.digestText("e"), "\(Self.repository)@" + Samples.digestText("d"),
        ]
        let report = ImageReport(facts, store: .classic)
        #expect(
            Self.short(report.evidence.digests) == [
                "c config container.Image",
                "d index_or_manifest image.RepoDigests registry.example/canvas",
                "e index_or_manifest image.RepoDigests a.example/other",
            ])
        #expect(report.digest == (try Samples.digest("d")))
        #expect(report.evidence.origin == .registry)
        #expect(!report.evidence.tagMoved)
        #expect(report.evidence.platform == "linux/amd64")
    }

    @Test("Several digests of the typed repository are ambiguous, for that reason")
    func tie() throws {
        var facts = try Samples.facts()
        facts.image?.repoDigests = ["d", "e"].map { "\(Self.repository)@" + Samples.digestText($0) }
        let report = ImageReport(facts, store: .classic)
        #expect(report.digest == nil)
        #expect(report.remark?.contains("2 digests") == true)
        #expect(report.evidence.origin == .registry)
    }

    @Test("A pinned digest identifies the image, and is listed once")
    func pinned() throws {
        var facts = try Samples.facts(typed: "\(Self.repository):latest@" + Samples.digestText("e"))
        facts.image?.repoDigests = ["d", "e"].map { "\(Self.repository)@" + Samples.digestText($0) }
        let report = ImageReport(facts, store: .classic)
        #expect(report.digest == (try Samples.digest("e")))
        #expect(report.evidence.digests.count == 3)
    }

    @Test("A pin that is not in the image's list is reported as a pin")
    func pinAlone() throws {
        let facts = try Samples.facts(typed: "\(Self.repository)@" + Samples.digestText("e"), repoDigests: [])
        let report = ImageReport(facts, store: .classic)
        #expect(Self.short(report.evidence.digests).last == "e index_or_manifest config.pin registry.example/canvas")
        #expect(report.digest == (try Samples.digest("e")))
    }

    @Test(
        "A built, loaded or committed image has no registry digest", arguments: [EngineIdentity.Store.classic, .podman])
    func built(store: EngineIdentity.Store) throws {
        let report = ImageReport(try Samples.facts(repoDigests: []), store: store)
        #expect(report.evidence.origin == .none)
        #expect(report.digest == nil)
        #expect(report.remark?.contains("no registry digest") == true)
    }

    @Test("Podman's images under localhost have no registry digest")
    func podmanLocal() throws {
        var facts = try Samples.facts(
            typed: "localhost/canvas:latest", repoDigests: ["localhost/canvas@" + Samples.digestText("d")])
        facts.libpodImageDigest = try Samples.digest("d")
        let report = ImageReport(facts, store: .podman)
        #expect(report.evidence.origin == .none)
        #expect(report.digest == nil)
    }

    @Test("Podman's ImageDigest is listed once, and survives the loss of the tag")
    func podman() throws {
        var facts = try Samples.facts()
        facts.libpodImageDigest = try Samples.digest("d")
        #expect(ImageReport(facts, store: .podman).evidence.digests.count == 2)
        facts.image?.repoDigests = []
        let report = ImageReport(facts, store: .podman)
        #expect(
            Self.short(report.evidence.digests) == [
                "c config container.Image", "d index_or_manifest libpod.ImageDigest",
            ])
        #expect(report.evidence.origin == .registry)
        // The repository is unknown.
        #expect(report.digest == nil)
    }

    @Test("On containerd, .Image identifies the image, RepoDigests do not count, and the manifest is added")
    func containerd() throws {
        var facts = try Samples.facts(repoDigests: ["\(Self.repository)@" + Samples.digestText("f")])
        facts.manifest = DescriptorFacts(
            digest: try Samples.digest("d"), kind: .manifest, platform: Platform(os: "linux", architecture: "arm64"))
        facts.image?.descriptor = DescriptorFacts(digest: try Samples.digest("c"), kind: .index)
        let report = ImageReport(facts, store: .containerd)
        #expect(
            Self.short(report.evidence.digests) == [
                "c index container.Image", "d manifest container.ImageManifestDescriptor",
            ])
        #expect(report.digest == (try Samples.digest("c")))
        #expect(report.evidence.origin == .registry)
        #expect(report.evidence.platform == "linux/arm64")
    }

    @Test(
        "On containerd without a media type, .Image is index or manifest, and is listed once"
    )
    func containerdPlain() throws {
        var facts = try Samples.facts()
        #expect(
            Self.short(ImageReport(facts, store: .containerd).evidence.digests) == [
                "c index_or_manifest container.Image"
            ])
        facts.manifest = DescriptorFacts(digest: try Samples.digest("c"), kind: .manifest)
        #expect(Self.short(ImageReport(facts, store: .containerd).evidence.digests) == ["c manifest container.Image"])
    }

    @Test("A tag that names another image has moved; one that names none has not")
    func tagMoved() throws {
        var facts = try Samples.facts()
        facts.tagImageID = try Samples.digest("9")
        #expect(ImageReport(facts, store: .classic).evidence.tagMoved)
        facts.tagImageID = nil
        #expect(!ImageReport(facts, store: .classic).evidence.tagMoved)
    }

    @Test("At most 64 digests are reported, those of the typed repository among them")
    func limit() throws {
        var facts = try Samples.facts()
        let others = (0..<100).map { number in
            let digits = String(number, radix: 16)
            return "a.example/n\(number)@sha256:" + String(repeating: "0", count: 64 - digits.count) + digits
        }
        facts.image?.repoDigests = others + ["\(Self.repository)@" + Samples.digestText("d")]
        let report = ImageReport(facts, store: .classic)
        #expect(report.evidence.digests.count == 64)
        #expect(report.digest == (try Samples.digest("d")))
    }

    @Test("An image's id in place of a reference names no repository")
    func createdFromID() throws {
        let report = ImageReport(try Samples.facts(typed: Samples.digestText("c")), store: .classic)
        #expect(report.digest == nil)
    }
}
