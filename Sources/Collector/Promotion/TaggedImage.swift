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
        do throws(RegistryError) {
            return try await manifest(of: reference).digest
        } catch .absent(_, .tag), .absent(_, .repository) {
            return nil
        }
    }

    /// What a tag is; nil where the registry says that there is no such tag.
    func tagged(_ reference: ImageReference) async throws(RegistryError) -> TaggedImage? {
        let manifest: RegistryManifest
        do throws(RegistryError) {
            manifest = try await self.manifest(of: reference)
        } catch .absent(_, .tag), .absent(_, .repository) {
            return nil
        }
        do throws(RegistryError) {
            // By digest: the tag may move meanwhile.
            let image = try await resolve(reference.with(digest: manifest.digest))
            return TaggedImage(digest: manifest.digest, gitSHA: try image.revision())
        } catch .absent, .unusable, .contradiction {
            // Whatever is wrong with what is there now is no reason to keep it.
            return TaggedImage(digest: manifest.digest, gitSHA: nil)
        }
    }
}
