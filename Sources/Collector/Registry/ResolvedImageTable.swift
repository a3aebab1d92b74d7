import CollectorSupport
import Shared

/// What `resolve` shows a person.
package struct ResolvedImageTable: Sendable {
    package var images: [ResolvedImage]
    /// Only of two.
    package var comparison: ImageComparison?

    package init(images: [ResolvedImage], comparison: ImageComparison? = nil) {
        self.images = images
        self.comparison = comparison
    }

    package func text() -> String {
        var lines: [String] = []
        for image in images {
            if !lines.isEmpty { lines.append("") }
            lines += Self.lines(of: image)
        }
        if let comparison { lines += ["", Self.line(of: comparison)] }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func lines(of image: ResolvedImage) -> [String] {
        let kind = image.isIndex ? "index" : "manifest"
        var lines = [
            Sanitizer.singleLine(image.reference.description, limit: 512),
            "  \(kind)  \(image.manifest.mediaType.rawValue)  \(image.manifest.bytes.count) bytes",
            "  digest  \(image.digest)",
        ]
        var table = TextTable(["PLATFORM", "MANIFEST", "CONFIG", "REVISION", "CREATED"])
        for entry in image.entries {
            table.add([
                Sanitizer.singleLine(entry.platform?.description ?? "?", limit: 40), entry.digest.description,
                entry.config.description,
                entry.revision?.hex ?? entry.revisionText.map { "'\(Sanitizer.singleLine($0, limit: 40))'" } ?? "none",
                entry.created.map { Sanitizer.singleLine($0, limit: 40) } ?? "?",
            ])
        }
        lines += table.lines().map { "  \($0)" }
        if let pin = image.pin { lines.append("  \(pin)") }
        return lines
    }

    private static func line(of comparison: ImageComparison) -> String {
        guard let rule = comparison.rule else { return "not the same image" }
        let platforms = comparison.platforms.map(\.description).joined(separator: ", ")
        return "the same image by rule '\(rule.rawValue)': \(rule.sentence)"
            + (platforms.isEmpty ? "" : " (\(Sanitizer.singleLine(platforms, limit: 400)))")
    }
}
