import Shared

/// What `resolve` shows a person.
struct ResolvedImageTable: Sendable {
    var images: [ResolvedImage]
    /// Only of two.
    var comparison: ImageComparison?

    func text() -> String {
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
            Hygiene.line(image.reference.description, limit: 512),
            "  \(kind)  \(image.manifest.mediaType.rawValue)  \(image.manifest.bytes.count) bytes",
            "  digest  \(image.digest)",
        ]
        let rows =
            [["PLATFORM", "MANIFEST", "CONFIG", "REVISION", "CREATED"]]
            + image.entries.map { entry in
                [
                    Hygiene.line(entry.platform?.description ?? "?", limit: 40), entry.digest.description,
                    entry.config.description,
                    entry.revision?.hex ?? entry.revisionText.map { "'\(Hygiene.line($0, limit: 40))'" } ?? "none",
                    entry.created.map { Hygiene.line($0, limit: 40) } ?? "?",
                ]
            }
        let widths = (0..<5).map { column in rows.map { $0[column].count }.max() ?? 0 }
        lines += rows.map { row in
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            return "  " + cells.joined(separator: "  ").trimmedEnd
        }
        if let pin = image.pin { lines.append("  \(pin)") }
        return lines
    }

    private static func line(of comparison: ImageComparison) -> String {
        guard let rule = comparison.rule else { return "not the same image" }
        let platforms = comparison.platforms.map(\.description).joined(separator: ", ")
        return "the same image by rule '\(rule.rawValue)': \(rule.sentence)"
            + (platforms.isEmpty ? "" : " (\(Hygiene.line(platforms, limit: 400)))")
    }
}

extension String {
    fileprivate var trimmedEnd: String {
        var text = self[...]
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
