import CollectorSupport
package import FoundationEssentials
package import Shared
package import Verdict

/// A reference, read once from its registry and frozen: its bytes, and for each platform what runs there.
package struct ResolvedImage: Hashable, Sendable {
    /// What runs on one platform.
    package struct Entry: Hashable, Sendable {
        /// Of the platform's manifest.
        package var digest: Digest
        /// nil where neither the index nor the configuration names one.
        package var platform: Platform?
        /// Of the image's configuration.
        var config: Digest
        /// The label's text, whatever it is; nil where there is none.
        var revisionText: String?
        package var revision: GitSHA?
        /// RFC 3339, as the builder wrote it.
        package var created: String?

        package init(
            digest: Digest, platform: Platform? = nil, config: Digest, revisionText: String? = nil,
            revision: GitSHA? = nil, created: String? = nil
        ) {
            self.digest = digest
            self.platform = platform
            self.config = config
            self.revisionText = revisionText
            self.revision = revision
            self.created = created
        }
    }

    package var reference: ImageReference
    package var manifest: RegistryManifest
    /// In the index's order, those of nested indexes in their place. Attestations and what is no image are none.
    package var entries: [Entry]

    package init(reference: ImageReference, manifest: RegistryManifest, entries: [Entry]) {
        self.reference = reference
        self.manifest = manifest
        self.entries = entries
    }

    package var digest: Digest { manifest.digest }
    package var isIndex: Bool { manifest.mediaType.isIndex }

    /// What a verdict needs of it.
    package var promotedContent: PromotedContent {
        PromotedContent(
            isIndex: isIndex,
            manifests: entries.map { .init(digest: $0.digest, platform: $0.platform, config: $0.config) },
            isIncomplete: entries.contains { $0.platform == nil } ? true : nil)
    }

    /// When its last platform was built; nil where a builder did not say.
    package var created: Date? { entries.compactMap { $0.created.flatMap(Date.init(rfc3339:)) }.max() }

    /// The commit that every platform is labelled with.
    ///
    /// - Returns: nil where no platform is labelled with a full commit.
    /// - Throws: ``RegistryError/contradiction(_:)`` where the platforms differ, or only some are labelled.
    package func revision() throws(RegistryError) -> GitSHA? {
        guard let first = entries.first else { return nil }
        guard let other = entries.first(where: { $0.revision != first.revision }) else { return first.revision }
        throw .contradiction(
            "\(reference) is not one build: \(first.shownPlatform) is labelled with \(first.shownRevision), "
                + "\(other.shownPlatform) with \(other.shownRevision): build all platforms from one commit")
    }

    /// Holds every platform to a commit.
    package func require(_ sha: GitSHA) throws(RegistryError) {
        guard let other = entries.first(where: { $0.revision != sha }) else { return }
        throw .contradiction(
            "\(reference) is not built from \(sha.short): \(other.shownPlatform) is labelled with \(other.shownRevision) "
                + "(\(ImageConfiguration.revisionLabel)), promote the image of that commit")
    }

    /// The line for a compose file's environment; nil where the reference names no tag.
    package var pin: String? { reference.effectiveTag.map(pin) }

    /// `CANVAS_IMAGE_TAG=staging-<sha>@<digest>`: what a compose file pulls for good, whatever tags do.
    package func pin(as tag: String) -> String { "CANVAS_IMAGE_TAG=\(tag)@\(digest)" }
}

extension ResolvedImage.Entry {
    package var shownPlatform: String { platform?.description ?? "the image" }

    var shownRevision: String {
        guard let revisionText else { return "no commit" }
        return revision?.short ?? "'\(Sanitizer.singleLine(revisionText, limit: 48))', which is no full commit"
    }
}
