package import Shared
import Transfer

/// An index or manifest with every manifest below it, byte by byte: what it takes to put a tag back on a registry that has
/// removed what no tag named.
///
/// Configurations and layers are not kept: they are large, and a registry that has removed them cannot be helped from here.
package struct KeptImage: Hashable, Sendable {
    package let root: RegistryManifest
    /// All manifests below the root, attestations too, children before the indexes that name them.
    package let children: [RegistryManifest]

    /// For all manifests of one image together, in bytes; one alone may have 5 MiB.
    static let maximumBytes = 32 << 20

    package var manifests: [RegistryManifest] { children + [root] }

    /// The blobs that it cannot be pulled without.
    package var blobs: [Digest] {
        var seen: Set<Digest> = []
        return manifests.flatMap { manifest -> [Digest] in
            guard case .manifest(let config) = manifest.body.kind else { return [] }
            return [config.digest] + manifest.body.layers
        }.filter { seen.insert($0).inserted }
    }

    /// - Parameter read: Gives the manifest of a digest.
    /// - Throws: what `read` throws, and where there is too much of it.
    package init(
        root: RegistryManifest, _ read: (Digest) async throws(RegistryError) -> RegistryManifest
    ) async throws(RegistryError) {
        var walk = Walk(bytes: root.bytes.count)
        try await walk.visit(root, depth: 1, read)
        self.root = root
        children = walk.found
    }

    private struct Walk {
        var bytes: Int
        var seen: Set<Digest> = []
        var found: [RegistryManifest] = []

        mutating func visit(
            _ manifest: RegistryManifest, depth: Int, _ read: (Digest) async throws(RegistryError) -> RegistryManifest
        ) async throws(RegistryError) {
            guard case .index(let children) = manifest.body.kind else { return }
            guard depth <= RegistryClient.maximumNesting else { throw Self.tooLarge(manifest) }
            for child in children where seen.insert(child.digest).inserted {
                let below = try await read(child.digest)
                bytes += below.bytes.count
                guard seen.count <= RegistryClient.maximumChildren, bytes <= KeptImage.maximumBytes else {
                    throw Self.tooLarge(manifest)
                }
                try await visit(below, depth: depth + 1, read)
                found.append(below)
            }
        }

        private static func tooLarge(_ manifest: RegistryManifest) -> RegistryError {
            .unusable(manifest.digest.short, reason: "holds more manifests than are kept")
        }
    }
}

extension RegistryClient {
    /// Reads an image's manifests, to keep them.
    package func keep(_ root: RegistryManifest, in reference: ImageReference) async throws(RegistryError) -> KeptImage {
        try await KeptImage(root: root) { digest async throws(RegistryError) in
            try await manifest(digest, in: reference)
        }
    }

    /// Puts back what is below the root, so that the root can be put under a tag. What is there already stays as it is.
    package func restoreChildren(of image: KeptImage, in reference: ImageReference) async throws(RegistryError) {
        for child in image.children {
            do throws(RegistryError) {
                _ = try await manifest(child.digest, in: reference)
            } catch .absent {
                try await put(child, in: reference)
            }
        }
    }

    /// The blobs of an image that the registry says it does not have. Only its own 404 counts: what it does not tell is not
    /// missing.
    package func missingBlobs(of image: KeptImage, in reference: ImageReference) async throws(RegistryError) -> [Digest]
    {
        var missing: [Digest] = []
        for blob in image.blobs.prefix(Self.maximumBlobs) {
            let subject = reference.with(digest: blob).description
            let response = try await transport.send(
                RegistryRequest(
                    subject: subject, repository: reference, method: .head, path: "\(reference.path)/blobs/\(blob)"),
                until: deadline)
            if response.status == 404 { missing.append(blob) }
        }
        return missing
    }

    /// Blobs of one image that are asked for.
    private static let maximumBlobs = 256
}
