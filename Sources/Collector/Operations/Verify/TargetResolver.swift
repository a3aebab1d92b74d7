package import Registry
package import Shared
package import Verdict

/// Completes a target by the image that `--image` names, which is read once.
package enum TargetResolver {
    /// Refuses a reference that names another digest than the target, before any request is sent.
    package static func check(_ target: Target, against reference: ImageReference) throws(RegistryError) {
        if let wanted = target.digest, let named = reference.digest, wanted != named {
            throw .contradiction("--image \(reference) and --digest \(wanted) name two images: give only one of them")
        }
    }

    /// - Parameters:
    ///   - target: with the given commit and digest, if any.
    ///   - hosts: their labels may state platforms.
    /// - Throws: ``RegistryError/contradiction(_:)`` if the image has another digest or commit, or does not run on a host.
    package static func complete(
        _ target: Target, by image: ResolvedImage, for hosts: [ExpectedHost]
    ) throws(RegistryError) -> Target {
        var target = target
        if let wanted = target.digest, wanted != image.digest {
            throw .contradiction(
                "--image \(image.reference) is \(image.digest) now, not --digest \(wanted): the tag has moved, or the digest "
                    + "belongs to another image")
        }
        if let wanted = target.gitSHA {
            try image.require(wanted)
        } else {
            target.gitSHA = try image.revision()
        }
        target.digest = image.digest
        target.image = image.reference.description
        target.content = image.promotedContent
        try check(image.promotedContent, called: image.reference.description, for: hosts)
        return target
    }

    /// Refuses an image that cannot run on a host, as far as the inventory states the hosts' platforms.
    package static func check(
        _ content: PromotedContent, called name: String, for hosts: [ExpectedHost]
    ) throws(RegistryError) {
        let lacking = hosts.filter { host in
            !host.isWaived && host.statedPlatform.map(content.isMadeForOthers(than:)) ?? false
        }
        guard let platform = lacking.first?.statedPlatform else { return }
        let names = lacking.map { Sanitizer.singleLine($0.name, limit: 80) }.listed(limit: 1)
        let held = Set(content.manifests.map { $0.platform?.description ?? "an unknown platform" }).sorted()
            .joined(separator: ", ")
        throw .contradiction(
            "\(name) has no image for \(Sanitizer.singleLine(platform.description, limit: 40)), the platform of \(names) in the "
                + "inventory (it has \(Sanitizer.singleLine(held, limit: 200))): build that platform, and promote again"
        )
    }
}

extension ExpectedHost {
    /// The platform in the host's labels: `platform: linux/arm64`, or `arch: arm64`.
    fileprivate var statedPlatform: Platform? {
        if let text = labels["platform"], let platform = Platform(parsing: text) { return platform }
        guard let text = labels["arch"] else { return nil }
        return Platform(parsing: "linux/\(text)")
    }
}

/// The image that a target was taken from, with the registry that can be asked about it again.
package struct ImageSource: Sendable {
    package let reference: ImageReference
    /// The image as it was read once; nil if the tag does not exist.
    package let image: ResolvedImage?
    let client: RegistryClient
    /// The timeout for all requests of one step.
    let timeout: Duration

    package init(reference: ImageReference, image: ResolvedImage?, client: RegistryClient, timeout: Duration) {
        self.reference = reference
        self.image = image
        self.client = client
        self.timeout = timeout
    }

    /// A watch on the tag; nil for a digest, which cannot move.
    package var watch: TagWatch? {
        guard reference.digest == nil, let image else { return nil }
        return TagWatch(reference: reference, client: client, created: image.created)
    }

    /// Looks up other digests that hosts serve; nil without an image to compare them with.
    package var learner: DigestResolver? { image.map { _ in client.learner(in: reference) } }
}

extension RegistryClient {
    /// The timeout of one lookup. The verification continues meanwhile, and does not wait for it at its deadline.
    private static let lookupTimeout = Duration.seconds(20)

    /// Looks up a digest that a host serves, in the promoted image's repository only and by its hash.
    package func learner(in reference: ImageReference) -> DigestResolver {
        { digest in
            let client = until(ContinuousClock.now + Self.lookupTimeout)
            do throws(RegistryError) {
                let image = try await client.resolve(reference.with(digest: digest))
                return DigestLookup(digest: digest, content: image.promotedContent)
            } catch {
                return DigestLookup(digest: digest, failure: Sanitizer.singleLine("\(error)", limit: 240))
            }
        }
    }
}
