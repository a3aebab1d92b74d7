import FoundationEssentials
package import Registry
package import Shared

/// What a tag is now, as far as going on from there needs it.
struct TagState: Hashable, Sendable {
    var digest: Digest
    /// nil where the image does not say one commit for all its platforms.
    var gitSHA: GitSHA?
    /// When its last platform was built; nil where it does not say.
    var created: Date?
}

extension RegistryClient {
    /// The digest that a tag is; nil where the registry says that there is no such tag.
    ///
    /// Asked on a connection of its own and past caches, since it is asked again and again for what may just have changed.
    package func digest(ofTag reference: ImageReference) async throws(RegistryError) -> Digest? {
        try await present(reference, isFresh: true)?.digest
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
    func tagged(_ reference: ImageReference) async throws(RegistryError) -> TagState? {
        guard let manifest = try await present(reference, isFresh: true) else { return nil }
        do throws(RegistryError) {
            let image = try await resolve(manifest, as: reference)
            return TagState(digest: manifest.digest, gitSHA: try image.revision(), created: image.created)
        } catch .absent, .unusable, .contradiction {
            // Whatever is wrong with what is there now is no reason to keep it.
            return TagState(digest: manifest.digest, gitSHA: nil)
        }
    }
}
