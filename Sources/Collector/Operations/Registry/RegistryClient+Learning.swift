import Registry
package import Shared
package import Verdict

extension RegistryClient {
    /// One digest; the verification goes on meanwhile, and does not wait for it at its deadline.
    private static let learningLimit = Duration.seconds(20)

    /// Answers what a digest is that a host serves: from the promoted image's repository alone, and by its hash.
    package func learner(in reference: ImageReference) -> DigestResolver {
        { digest in
            let client = until(ContinuousClock.now + Self.learningLimit)
            do throws(RegistryError) {
                let image = try await client.resolve(reference.with(digest: digest))
                return DigestLookup(digest: digest, content: image.promotedContent)
            } catch {
                return DigestLookup(digest: digest, failure: Sanitizer.singleLine("\(error)", limit: 240))
            }
        }
    }
}
