package import Registry
package import Shared
package import Verdict

/// The image that a target was taken from, and the registry that can still be asked about it.
package struct ImageSource: Sendable {
    package let reference: ImageReference
    /// As it was read, once; nil where the registry has no such tag.
    package let image: ResolvedImage?
    package let client: RegistryClient
    /// For everything that is asked in one go.
    package let timeout: Duration

    package init(reference: ImageReference, image: ResolvedImage?, client: RegistryClient, timeout: Duration) {
        self.reference = reference
        self.image = image
        self.client = client
        self.timeout = timeout
    }

    /// Looks whether the tag stays what it was; nil where a digest was named, which cannot move.
    package var watch: TagWatch? {
        guard reference.digest == nil, let image else { return nil }
        return TagWatch(reference: reference, client: client, created: image.created)
    }

    /// Answers what other digests are that hosts serve; nil where there is no image to hold them against.
    package var learner: DigestResolver? { image.map { _ in client.learner(in: reference) } }
}
