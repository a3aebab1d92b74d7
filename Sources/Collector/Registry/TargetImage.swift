import Shared

/// The image that a target was taken from, and the registry that can still be asked about it.
struct TargetImage: Sendable {
    let reference: ImageReference
    /// As it was read, once; nil where the registry has no such tag.
    let image: ResolvedImage?
    let client: RegistryClient
    /// For everything that is asked in one go.
    let timeout: Duration

    /// Looks whether the tag stays what it was; nil where a digest was named, which cannot move.
    var watch: TagWatch? {
        guard reference.digest == nil, let image else { return nil }
        return TagWatch(reference: reference, client: client, created: image.created)
    }

    /// Answers what other digests are that hosts serve; nil where there is no image to hold them against.
    var learner: ImageLearner? { image.map { _ in client.learner(in: reference) } }
}
