import CollectorSupport
package import FoundationEssentials
package import Shared
package import Verdict

/// An image as read once from its registry: the bytes of its index or manifest, and its entry for each platform.
package struct ResolvedImage: Hashable, Sendable {
    /// The image for one platform.
    package struct Entry: Hashable, Sendable {
        /// The digest of the platform's manifest.
        package var digest: Digest
        /// The platform; nil if neither the index nor the configuration names one.
        package var platform: Platform?
        /// The digest of the image's configuration.
        var config: Digest
        /// The value of the revision label; nil without one.
        var revisionText: String?
        package var revision: GitSHA?
        /// The time of the build, as the builder wrote it (RFC 3339).
        package var created: String?
    }

    package var reference: ImageReference
    package var manifest: RegistryManifest
    /// The entries in the index's order, with nested indexes expanded, and without attestations and other artifacts.
    package var entries: [Entry]
    package var digest: Digest { manifest.digest }

    /// - Parameter entries: none for an image that cannot run anywhere.
    package init(reference: ImageReference, manifest: RegistryManifest, entries: [Entry]) {
        self.reference = reference
        self.manifest = manifest
        self.entries = entries
    }

    package var isIndex: Bool { manifest.mediaType.isIndex }

    /// The image's content as a verdict needs it.
    package var promotedContent: PromotedContent {
        PromotedContent(
            isIndex: isIndex,
            manifests: entries.map { .init(digest: $0.digest, platform: $0.platform, config: $0.config) },
            isIncomplete: entries.contains { $0.platform == nil } ? true : nil)
    }

    /// The time its last platform was built; nil if no builder recorded it.
    package var created: Date? { entries.compactMap { $0.created.flatMap(Date.init(rfc3339:)) }.max() }

    /// The commit in the revision label of every platform.
    ///
    /// - Returns: nil if no platform is labelled with a full commit.
    /// - Throws: ``RegistryError/contradiction(_:)`` if the platforms differ, or only some are labelled.
    package func revision() throws(RegistryError) -> GitSHA? {
        guard let first = entries.first else { return nil }
        guard let other = entries.first(where: { $0.revision != first.revision }) else { return first.revision }
        throw .contradiction(
            "\(reference) is not one build: the revision label of \(first.shownPlatform) is \(first.shownRevision), "
                + "that of \(other.shownPlatform) is \(other.shownRevision): build all platforms from one commit")
    }

    /// Requires every platform to be labelled with a commit.
    package func require(_ sha: GitSHA) throws(RegistryError) {
        guard let other = entries.first(where: { $0.revision != sha }) else { return }
        throw .contradiction(
            "\(reference) was not built from \(sha.short): the label \(ImageConfiguration.revisionLabel) of "
                + "\(other.shownPlatform) is \(other.shownRevision): promote the image of that commit")
    }

    /// The pin of a service named like the repository; nil if the reference has no tag.
    var pin: ImagePin? {
        let service = reference.path.split(separator: "/").last.map(String.init) ?? ""
        return reference.effectiveTag.map { ImagePin(service: service, tag: $0, digest: digest) }
    }
}

/// The environment line that pins a service to one image in a compose file, such as
/// `CANVAS_IMAGE_TAG=staging-<sha>@sha256:…`.
package struct ImagePin: Hashable, Sendable, CustomStringConvertible {
    private let service: String
    private let tag: String
    private let digest: Digest

    package init(service: String, tag: String, digest: Digest) {
        self.service = service
        self.tag = tag
        self.digest = digest
    }

    package var description: String { "\(variable)=\(tag)@\(digest)" }

    /// The service's name as a shell variable: `my-api` becomes `MY_API_IMAGE_TAG`.
    private var variable: String {
        let name = String(service.uppercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
        return (name.first?.isNumber == true ? "_" : "") + name + "_IMAGE_TAG"
    }
}

extension ResolvedImage.Entry {
    package var shownPlatform: String { platform?.description ?? "the image" }

    var shownRevision: String {
        guard let revisionText else { return "missing" }
        return revision?.short ?? "'\(Sanitizer.singleLine(revisionText, limit: 48))', not a full commit id"
    }
}
