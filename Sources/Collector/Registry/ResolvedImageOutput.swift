package import CollectorSupport
import FoundationEssentials
import Shared

/// The output of `resolve --json`: an image, or two images and their comparison.
package struct ResolvedImageJSON {
    struct Image: Encodable {
        struct Entry: Encodable {
            @ExplicitNull var platform: String?
            var digest: String
            var config: String
            @ExplicitNull var revision: String?
            @ExplicitNull var created: String?
        }

        var reference: String
        var repository: String
        @ExplicitNull var tag: String?
        var digest: String
        var kind: String
        var mediaType: String
        var size: Int
        /// The commit of all platforms; null if they have none in common.
        @ExplicitNull var gitSHA: String?
        /// The environment line for a compose file; null if the reference has no tag.
        @ExplicitNull var pin: String?
        var platforms: [Entry]

        private enum CodingKeys: String, CodingKey {
            case reference, repository, tag, digest, kind, size, pin, platforms
            case mediaType = "media_type"
            case gitSHA = "git_sha"
        }
    }

    /// Two images.
    struct Pair: Encodable {
        var images: [Image]
        var same: Bool
        @ExplicitNull var rule: ImageComparison.Rule?
        var platforms: [String]
    }

    private let value: any Encodable

    /// - Parameter comparison: the comparison of two images.
    package init(_ images: [ResolvedImage], _ comparison: ImageComparison?) {
        let shown = images.map(Image.init)
        guard let comparison else {
            value = shown.first
            return
        }
        value = Pair(
            images: shown, same: comparison.rule != nil, rule: comparison.rule,
            platforms: comparison.platforms.map(\.description))
    }

    package func text() throws -> String { try JSONEncoder.prettyText(value) }
}

extension ResolvedImageJSON.Image {
    init(_ image: ResolvedImage) {
        let revisions = Set(image.entries.map(\.revision))
        self.init(
            reference: image.reference.description, repository: image.reference.repository,
            tag: image.reference.effectiveTag, digest: image.digest.description,
            kind: image.isIndex ? "index" : "manifest", mediaType: image.manifest.mediaType.rawValue,
            size: image.manifest.bytes.count, gitSHA: revisions.count == 1 ? revisions.first??.hex : nil,
            pin: image.pin?.description,
            platforms: image.entries.map { entry in
                Entry(
                    platform: entry.platform?.description, digest: entry.digest.description,
                    config: entry.config.description,
                    revision: entry.revision?.hex ?? entry.revisionText.map { Sanitizer.singleLine($0, limit: 80) },
                    created: entry.created.map { Sanitizer.singleLine($0, limit: 64) })
            })
    }
}

/// The output of `resolve` for people.
package struct ResolvedImageTable: Sendable {
    private let images: [ResolvedImage]
    /// The comparison of two images.
    private let comparison: ImageComparison?

    package init(images: [ResolvedImage], comparison: ImageComparison?) {
        self.images = images
        self.comparison = comparison
    }

    package func text(_ layout: TextLayout = .file) -> String {
        var lines: [String] = []
        for image in images {
            if !lines.isEmpty { lines.append("") }
            lines += Self.lines(of: image, layout)
        }
        if let comparison { lines += ["", Self.line(of: comparison)] }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func lines(of image: ResolvedImage, _ layout: TextLayout) -> [String] {
        let kind = image.isIndex ? "index" : "manifest"
        var lines = [
            Sanitizer.singleLine(image.reference.description, limit: 512),
            "  \(kind)  \(image.manifest.mediaType.rawValue)  \(image.manifest.bytes.count) bytes",
            // A digest has 71 characters, so that this line fits into 80 columns.
            layout.columns == nil ? "  digest  \(image.digest)" : "  digest \(image.digest)",
        ]
        var table = TextTable(
            ["PLATFORM", "MANIFEST", "CONFIG", "REVISION", "CREATED"],
            narrowings: [
                .shorten("REVISION"), .shorten("CONFIG"), .shorten("MANIFEST"), .leaveOut("CONFIG"),
                .leaveOut("CREATED"),
            ], wrapsLast: false)
        for entry in image.entries {
            table.add(
                [
                    Sanitizer.singleLine(entry.platform?.description ?? "?", limit: 40), entry.digest.description,
                    entry.config.description,
                    entry.revision?.hex ?? entry.revisionText.map { "'\(Sanitizer.singleLine($0, limit: 40))'" }
                        ?? "none",
                    entry.created.map { Sanitizer.singleLine($0, limit: 40) } ?? "?",
                ], short: Self.short(entry))
        }
        lines += table.lines(layout.indented(by: 2)).map { "  \($0)" }
        if let pin = image.pin { lines.append("  \(pin)") }
        return lines
    }

    private static func short(_ entry: ResolvedImage.Entry) -> [String: String] {
        var cells = ["MANIFEST": entry.digest.short, "CONFIG": entry.config.short]
        if let revision = entry.revision { cells["REVISION"] = revision.short }
        return cells
    }

    private static func line(of comparison: ImageComparison) -> String {
        guard let rule = comparison.rule else { return "not the same image" }
        let platforms = comparison.platforms.map(\.description).joined(separator: ", ")
        return "the same image by rule '\(rule.rawValue)': \(rule.sentence)"
            + (platforms.isEmpty ? "" : " (\(Sanitizer.singleLine(platforms, limit: 400)))")
    }
}
