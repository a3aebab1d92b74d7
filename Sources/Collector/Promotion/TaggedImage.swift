import Shared

/// What a tag is now, as far as going on from there needs it.
struct TaggedImage: Hashable, Sendable {
    var digest: Digest
    /// nil where the image does not say one commit for all its platforms.
    var gitSHA: GitSHA?
}

extension RegistryClient {
    /// The digest that a tag is; nil where the registry says that there is no such tag.
    func digest(ofTag reference: ImageReference) async throws(RegistryError) -> Digest? {
        try await present(reference)?.digest
    }

    /// Whether there is such a tag, whatever it is.
    ///
    /// - Throws: where the registry did not say either way.
    func isThere(_ reference: ImageReference) async throws(RegistryError) -> Bool {
        do throws(RegistryError) {
            return try await present(reference) != nil
        } catch .unusable {
            return true
        }
    }

    /// What a tag is; nil where the registry says that there is no such tag.
    func tagged(_ reference: ImageReference) async throws(RegistryError) -> TaggedImage? {
        guard let manifest = try await present(reference) else { return nil }
        do throws(RegistryError) {
            let image = try await resolve(manifest, as: reference)
            return TaggedImage(digest: manifest.digest, gitSHA: try image.revision())
        } catch .absent, .unusable, .contradiction {
            // Whatever is wrong with what is there now is no reason to keep it.
            return TaggedImage(digest: manifest.digest, gitSHA: nil)
        }
    }
}
