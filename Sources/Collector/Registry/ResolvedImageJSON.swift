import FoundationEssentials
import Shared

/// What `resolve --json` prints: the image, or, of two, `images` and whether they are the same.
struct ResolvedImageJSON {
    struct Image: Encodable {
        struct Entry: Encodable {
            var platform: String?
            var digest: String
            var config: String
            var revision: String?
            var created: String?

            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: CodingKeys.self)
                try container.encode(platform, forKey: .platform)
                try container.encode(digest, forKey: .digest)
                try container.encode(config, forKey: .config)
                try container.encode(revision, forKey: .revision)
                try container.encode(created, forKey: .created)
            }

            private enum CodingKeys: String, CodingKey { case platform, digest, config, revision, created }
        }

        var reference: String
        var repository: String
        var tag: String?
        var digest: String
        var kind: String
        var mediaType: String
        var size: Int
        /// The commit of all platforms; null where they have none in common.
        var gitSHA: String?
        /// null where the reference names no tag.
        var pin: String?
        var platforms: [Entry]

        private enum CodingKeys: String, CodingKey {
            case reference, repository, tag, digest, kind, size, pin, platforms
            case mediaType = "media_type"
            case gitSHA = "git_sha"
        }

        func encode(to encoder: any Encoder) throws {
            // A key is there even where its value is not.
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(reference, forKey: .reference)
            try container.encode(repository, forKey: .repository)
            try container.encode(tag, forKey: .tag)
            try container.encode(digest, forKey: .digest)
            try container.encode(kind, forKey: .kind)
            try container.encode(mediaType, forKey: .mediaType)
            try container.encode(size, forKey: .size)
            try container.encode(gitSHA, forKey: .gitSHA)
            try container.encode(pin, forKey: .pin)
            try container.encode(platforms, forKey: .platforms)
        }
    }

    /// Two images.
    struct Pair: Encodable {
        var images: [Image]
        var same: Bool
        var rule: ImageComparison.Rule?
        var platforms: [String]

        private enum CodingKeys: String, CodingKey { case images, same, rule, platforms }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(images, forKey: .images)
            try container.encode(same, forKey: .same)
            try container.encode(rule, forKey: .rule)
            try container.encode(platforms, forKey: .platforms)
        }
    }

    private let value: any Encodable

    /// - Parameter comparison: only of two.
    init(_ images: [ResolvedImage], _ comparison: ImageComparison?) {
        let shown = images.map(Image.init)
        guard let comparison else {
            value = shown.first
            return
        }
        value = Pair(
            images: shown, same: comparison.rule != nil, rule: comparison.rule,
            platforms: comparison.platforms.map(\.description))
    }

    func text() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
    }
}

extension ResolvedImageJSON.Image {
    init(_ image: ResolvedImage) {
        let revisions = Set(image.entries.map(\.revision))
        self.init(
            reference: image.reference.description, repository: image.reference.repository,
            tag: image.reference.effectiveTag, digest: image.digest.description,
            kind: image.isIndex ? "index" : "manifest", mediaType: image.manifest.mediaType.rawValue,
            size: image.manifest.bytes.count, gitSHA: revisions.count == 1 ? revisions.first??.hex : nil,
            pin: image.pin,
            platforms: image.entries.map { entry in
                Entry(
                    platform: entry.platform?.description, digest: entry.digest.description,
                    config: entry.config.description,
                    revision: entry.revision?.hex ?? entry.revisionText.map { Hygiene.line($0, limit: 80) },
                    created: entry.created.map { Hygiene.line($0, limit: 64) })
            })
    }
}
