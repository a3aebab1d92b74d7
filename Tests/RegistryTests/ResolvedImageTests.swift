import Foundation
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Operations
@testable import Registry
@testable import Verdict

/// Resolving, comparing and checking images.
@Suite(.timeLimit(.minutes(2)))
struct ResolvedImageTests {
    private static let (old, new) = (String(repeating: "b", count: 40), String(repeating: "a", count: 40))
    private static let amd64 = MadeImage.single(revision: new)
    private static let arm64 = MadeImage.single(revision: new, platform: "linux/arm64")
    private static let index = MadeImage.index([.init(amd64, "linux/amd64"), .init(arm64, "linux/arm64")])

    private func resolve(_ images: MadeImage...) async throws -> [ResolvedImage] {
        var tags: [String: MadeImage] = [:]
        for (number, image) in images.enumerated() { tags["t\(number)"] = image }
        let registry = try await ScriptedRegistry.start(tags)
        let references = try images.indices.map { try registry.reference(":t\($0)") }
        let resolved = try await withRegistryClient { client in
            var resolved: [ResolvedImage] = []
            for reference in references { resolved.append(try await client.resolve(reference)) }
            return resolved
        }
        await registry.stop()
        return resolved
    }

    @Test("A manifest's platform comes from its configuration, an index's from its entries")
    func platforms() async throws {
        let docker = MadeImage.index(
            [.init(.single(revision: Self.new, isDocker: true), "linux/amd64")], isDocker: true)
        let bare = MadeImage.index([.init(Self.arm64)])
        let images = try await resolve(Self.arm64, .usual(revision: Self.new), docker, bare)
        #expect(
            images.map { $0.entries.map { $0.platform?.description } } == [
                ["linux/arm64"], ["linux/amd64", "linux/arm64"], ["linux/amd64"], ["linux/arm64"],
            ])
        #expect(images.map(\.isIndex) == [false, true, true, true])
        let shared = try await resolve(
            .index([.init(Self.amd64, "linux/amd64"), .init(Self.amd64, "linux/riscv64")]))
        #expect(shared[0].entries.map { $0.platform?.description } == ["linux/amd64", "linux/riscv64"])
        #expect(images[0].entries[0].config == Self.arm64.config)
        #expect(images[0].entries[0].created == "2026-01-02T03:04:05Z")
        #expect(try images.map { try $0.revision()?.hex } == Array(repeating: Self.new, count: 4))
        #expect(images[0].promotedContent.isIndex == false)
        #expect(
            images[1].promotedContent.manifests.map(\.digest)
                == MadeImage.usual(revision: Self.new).children[..<2].map(\.digest))
        #expect(images[1].pin?.description == "CANVAS_IMAGE_TAG=t1@\(images[1].digest)")
    }

    @Test(
        "The pin's variable is derived from the service",
        arguments: [
            ("canvas", "CANVAS_IMAGE_TAG"), ("my-api", "MY_API_IMAGE_TAG"), ("a.b_c", "A_B_C_IMAGE_TAG"),
            ("2fa", "_2FA_IMAGE_TAG"), ("Web9", "WEB9_IMAGE_TAG"), ("é1", "_1_IMAGE_TAG"),
        ])
    func pinVariable(service: String, variable: String) {
        let digest = Self.amd64.digest
        let pin = ImagePin(service: service, tag: "staging-1", digest: digest)
        #expect(pin.description == "\(variable)=staging-1@\(digest)")
    }

    @Test(
        "Two images are compared by digest, platform, manifests and content",
        arguments: [
            ("itself", index, index, ImageComparison.Rule.exact),
            ("an index and its manifest", index, arm64, .platform),
            ("a manifest and its index", amd64, index, .platform),
            (
                "an index with other attestations", index,
                .index([
                    .init(amd64, "linux/amd64"), .init(arm64, "linux/arm64"),
                    .init(.attestation(), "unknown/unknown"),
                ]), .wrapped
            ),
            ("an index with fewer platforms", index, .index([.init(amd64, "linux/amd64")]), nil),
            ("other manifests of the same", amd64, .single(revision: new, padding: ",\"annotations\":{}"), .content),
            (
                "an index of other manifests of the same", index,
                .index([
                    .init(.single(revision: new, padding: ",\"annotations\":{}"), "linux/amd64"),
                    .init(arm64, "linux/arm64"),
                ]), .content
            ),
            ("the same commit rebuilt", amd64, .single(revision: new, salt: "x"), nil),
            (
                "the same bytes for another platform", .index([.init(amd64, "linux/amd64")]),
                .index([.init(amd64, "linux/arm64")]), nil
            ),
            ("another index", index, .usual(revision: old), nil),
        ] as [(String, MadeImage, MadeImage, ImageComparison.Rule?)])
    func comparisons(name: String, first: MadeImage, second: MadeImage, rule: ImageComparison.Rule?) async throws {
        let images = try await resolve(first, second)
        #expect(ImageComparison(images[0], images[1]).rule == rule)
        #expect(ImageComparison(images[1], images[0]).rule == rule)
    }

    @Test("The JSON has every key, and the table every digest and the pin")
    func output() async throws {
        let images = try await resolve(.usual(revision: Self.new), .single(revision: nil))
        let text = try ResolvedImageJSON(images, ImageComparison(images[0], images[1])).text()
        let json = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let listed = try #require(json["images"] as? [[String: Any]])
        #expect(listed[0]["git_sha"] as? String == Self.new)
        #expect(listed[1]["git_sha"] is NSNull)
        #expect((listed[0]["platforms"] as? [[String: Any]])?.count == 2)
        #expect(json["same"] as? Bool == false)
        #expect(json["rule"] is NSNull)
        let one = try ResolvedImageJSON([images[0]], nil).text()
        let single = try #require(try JSONSerialization.jsonObject(with: Data(one.utf8)) as? [String: Any])
        #expect(single["digest"] as? String == images[0].digest.description)
        let table = ResolvedImageTable(images: images, comparison: ImageComparison(images[0], images[1])).text()
        for image in images {
            #expect(table.contains("CANVAS_IMAGE_TAG="))
            for entry in image.entries {
                #expect(table.contains("\(entry.digest)") && table.contains("\(entry.config)"))
            }
        }
        #expect(table.contains("not the same image"))
        // In 80 columns each platform has one line, and the image's digest is whole.
        let narrow = ResolvedImageTable(images: images, comparison: nil).text(TextLayout(columns: 80))
        let lines = narrow.split(separator: "\n").map(String.init)
        #expect(lines.contains("  digest \(images[0].digest)"))
        #expect(lines.contains { $0.hasPrefix("  PLATFORM ") && $0.contains(" MANIFEST ") && $0.contains(" REVISION") })
        for entry in images[0].entries {
            #expect(lines.contains { $0.contains(entry.digest.short) && $0.contains(entry.revision?.short ?? "?") })
        }
        #expect(
            lines.filter { !$0.contains(":5000") }.allSatisfy { $0.displayWidth <= 80 || $0.contains("_TAG=") },
            "\(narrow)")
    }

    // MARK: - Targets

    private static func sha(_ text: String) throws -> GitSHA { try GitSHA(parsing: text) }

    private func complete(
        _ image: ResolvedImage, sha: String? = nil, digest: Digest? = nil, _ labels: [String: String] = [:]
    ) throws -> Target {
        var target = Target(service: "canvas", digest: digest)
        target.gitSHA = try sha.map(Self.sha)
        let hosts = [
            ExpectedHost(name: "canvas-01", url: "http://canvas-01/"),
            ExpectedHost(name: "canvas-02", url: "http://canvas-02/", labels: labels),
        ]
        return try TargetResolver.complete(target, by: image, for: hosts)
    }

    @Test("A target takes digest, commit and content from its image, and the flags must agree")
    func targets() async throws {
        let image = try await resolve(.usual(revision: Self.new))[0]
        let target = try complete(image)
        #expect(target.digest == image.digest)
        #expect(target.gitSHA?.hex == Self.new)
        #expect(target.image == image.reference.description)
        #expect(target.content == image.promotedContent)
        #expect(try complete(image, sha: Self.new, digest: image.digest) == target)
        for wrong in [
            { _ = try complete(image, sha: Self.old) }, { _ = try complete(image, digest: Self.amd64.digest) },
        ] as [() throws -> Void] {
            #expect { try wrong() } throws: { ($0 as? RegistryError)?.exitCode == 64 }
        }
    }

    @Test("An image with several commits, or an unlabelled platform, cannot be verified")
    func revisions() async throws {
        func mixed(_ first: String?, _ second: String?) -> MadeImage {
            .index([
                .init(.single(revision: first), "linux/amd64"),
                .init(.single(revision: second, platform: "linux/arm64"), "linux/arm64"),
            ])
        }
        let images = try await resolve(
            mixed(Self.new, Self.old), mixed(Self.new, nil), mixed(nil, nil), mixed("dev", "v1"))
        for image in images[..<2] {
            #expect { try complete(image) } throws: { "\($0)".contains("not one build") }
            #expect { try complete(image, sha: Self.new) } throws: { "\($0)".contains("not built from") }
        }
        for image in images[2...] {
            // Then by its digest alone.
            #expect(try complete(image).gitSHA == nil)
            #expect { try complete(image, sha: Self.new) } throws: { ($0 as? RegistryError)?.exitCode == 64 }
        }
    }

    @Test("A host with a platform that the image lacks is reported before any request")
    func labels() async throws {
        let image = try await resolve(.index([.init(Self.amd64, "linux/amd64")]))[0]
        for labels in [["platform": "linux/arm64"], ["arch": "aarch64"], ["platform": "windows/amd64"]] {
            #expect { try complete(image, labels) } throws: { error in
                (error as? RegistryError)?.exitCode == 64 && "\(error)".contains("canvas-02")
            }
        }
        for labels in [["platform": "linux/x86_64"], ["arch": "386"], ["platform": "blue"], ["region": "arm64"]] {
            #expect(try complete(image, labels).digest == image.digest)
        }
    }
}

extension ResolvedImageTests {
    private func complete(_ image: ResolvedImage, _ labels: [String: String]) throws -> Target {
        try complete(image, sha: nil, digest: nil, labels)
    }
}
