package import Registry
package import Shared
package import Verdict

/// What `--image` makes of a target: read once, held against what else was asked for, and frozen.
package enum TargetResolver {
    /// Finds, before anybody is asked, a reference that names another digest than the target.
    package static func check(_ target: Target, against reference: ImageReference) throws(RegistryError) {
        if let wanted = target.digest, let named = reference.digest, wanted != named {
            throw .contradiction("--image \(reference) and --digest \(wanted) name two images: give one of them")
        }
    }

    /// Completes a target by the image that it names.
    ///
    /// - Parameters:
    ///   - target: with the commit and the digest that were asked for, if any.
    ///   - hosts: an inventory may say what they run on.
    /// - Throws: ``RegistryError/contradiction(_:)`` where the image is another one, of another commit, or none for a host.
    package static func complete(
        _ target: Target, by image: ResolvedImage, for hosts: [ExpectedHost]
    ) throws(RegistryError) -> Target {
        var target = target
        if let wanted = target.digest, wanted != image.digest {
            throw .contradiction(
                "--image \(image.reference) is \(image.digest) now, not --digest \(wanted): the tag has moved, or the digest is "
                    + "another image's")
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

    /// Finds, before anybody is asked, the hosts that the image cannot run on, as far as the inventory says what they are.
    package static func check(
        _ content: PromotedContent, called name: String, for hosts: [ExpectedHost]
    ) throws(RegistryError) {
        let lacking = hosts.filter { host in
            !host.isWaived && host.statedPlatform.map(content.isMadeForOthers(than:)) ?? false
        }
        guard let first = lacking.first, let platform = first.statedPlatform else { return }
        let more = lacking.count > 1 ? " and \(lacking.count - 1) more" : ""
        let held = Set(content.manifests.map { $0.platform?.description ?? "an unknown platform" }).sorted().joined(
            separator: ", ")
        throw .contradiction(
            "\(name) holds nothing for \(Sanitizer.singleLine(platform.description, limit: 40)), which the inventory says that "
                + "\(Sanitizer.singleLine(first.name, limit: 80))\(more) runs (it holds \(Sanitizer.singleLine(held, limit: 200))): build that "
                + "platform, and promote again")
    }
}

extension ExpectedHost {
    /// What the inventory's labels say that the host runs on: `platform: linux/arm64`, or `arch: arm64`.
    var statedPlatform: Platform? {
        if let text = labels["platform"], let platform = Platform(parsing: text) { return platform }
        guard let text = labels["arch"] else { return nil }
        return Platform(parsing: "linux/\(text)")
    }
}
