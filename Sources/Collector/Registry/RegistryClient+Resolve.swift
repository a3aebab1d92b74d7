package import Shared

extension RegistryClient {
    /// Reads what a reference is, down to each platform's configuration.
    package func resolve(_ reference: ImageReference) async throws(RegistryError) -> ResolvedImage {
        try await resolve(try await manifest(of: reference), as: reference)
    }

    /// The same for an index or manifest that was read before.
    package func resolve(
        _ manifest: RegistryManifest, as reference: ImageReference
    ) async throws(RegistryError) -> ResolvedImage {
        var walk = Walk(reference: reference)
        let entries: [ResolvedImage.Entry]
        switch manifest.body.kind {
        case .manifest(let config):
            entries = [try await entry(manifest.digest, named: nil, config: config, in: reference)]
        case .index(let children):
            entries = try await self.entries(of: children, depth: 1, &walk)
            guard !entries.isEmpty else {
                throw .unusable(
                    reference.description, reason: "is an index without a single platform: nothing could run")
            }
        }
        return ResolvedImage(reference: reference, manifest: manifest, entries: entries)
    }

    /// Indexes inside of indexes that are followed.
    static let maximumNesting = 4
    /// Documents that one reference may make us read.
    package static let maximumChildren = 256

    /// What has been read already: a thing that is in two places is read once, and one that never ends is not read on.
    private struct Walk {
        let reference: ImageReference
        var seen: Set<Place> = []

        /// One image may be there for several platforms.
        struct Place: Hashable {
            var digest: Digest
            var platform: Platform?
        }
    }

    private func entries(
        of children: [ManifestBody.Descriptor], depth: Int, _ walk: inout Walk
    ) async throws(RegistryError) -> [ResolvedImage.Entry] {
        let subject = walk.reference.description
        guard depth <= Self.maximumNesting else {
            throw .unusable(subject, reason: "has indexes nested deeper than \(Self.maximumNesting) levels")
        }
        var entries: [ResolvedImage.Entry] = []
        for child in children where !child.isAttestation {
            // What else may be in an index, by its media type, is no image.
            if let type = child.mediaType, RegistryMediaType(rawValue: type) == nil { continue }
            guard walk.seen.insert(.init(digest: child.digest, platform: child.platform)).inserted else { continue }
            guard walk.seen.count <= Self.maximumChildren else {
                throw .unusable(subject, reason: "holds more than \(Self.maximumChildren) manifests")
            }
            let manifest = try await manifest(child.digest, in: walk.reference)
            switch manifest.body.kind {
            case .index(let nested): entries += try await self.entries(of: nested, depth: depth + 1, &walk)
            case .manifest(let config):
                // A signature or a chart has a manifest, too.
                if let type = config.mediaType, !RegistryMediaType.imageConfigurations.contains(type) { continue }
                let entry = try await entry(child.digest, named: child.platform, config: config, in: walk.reference)
                if entry.platform?.isAttestation != true { entries.append(entry) }
            }
        }
        return entries
    }

    private func entry(
        _ digest: Digest, named platform: Platform?, config: ManifestBody.Descriptor, in reference: ImageReference
    ) async throws(RegistryError) -> ResolvedImage.Entry {
        if let type = config.mediaType, !RegistryMediaType.imageConfigurations.contains(type) {
            throw .unusable(
                reference.description,
                reason: "is no image but '\(Sanitizer.singleLine(type, limit: 90))': nothing could run it")
        }
        let configuration = try await self.config(config.digest, in: reference)
        return ResolvedImage.Entry(
            digest: digest, platform: platform ?? configuration.platform, config: config.digest,
            revisionText: configuration.revisionText, revision: configuration.revision, created: configuration.created)
    }
}
