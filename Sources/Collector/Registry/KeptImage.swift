package import Shared
import Transfer

/// An index or manifest with all manifests below it, byte for byte. Restores a tag on a registry that has removed untagged
/// manifests.
///
/// Configurations and layers are too large to keep. If a registry has removed those, the tag cannot be restored.
package struct KeptImage: Hashable, Sendable {
    package let root: RegistryManifest
    /// All manifests below the root, attestations included; children precede the indexes that list them.
    package let children: [RegistryManifest]

    /// The limit for all manifests of an image together, in bytes. One manifest may have 5 MiB.
    static let maximumBytes = 32 << 20

    package var manifests: [RegistryManifest] { children + [root] }

    /// The blobs that a pull needs.
    package var blobs: [Digest] {
        var seen: Set<Digest> = []
        return manifests.flatMap { manifest -> [Digest] in
            guard case .manifest(let config) = manifest.body.kind else { return [] }
            return [config.digest] + manifest.body.layers
        }.filter { seen.insert($0).inserted }
    }

    /// - Parameter read: reads the manifest with a digest.
    /// - Throws: the error of `read`, or ``RegistryError/unusable(_:reason:)`` if the image is too large to keep.
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
            .unusable(manifest.digest.short, reason: "has more manifests than can be kept")
        }
    }
}

extension RegistryClient {
    /// Reads all manifests of an image.
    package func keep(_ root: RegistryManifest, in reference: ImageReference) async throws(RegistryError) -> KeptImage {
        try await KeptImage(root: root) { digest async throws(RegistryError) in
            try await manifest(digest, in: reference)
        }
    }

    /// Restores the missing manifests below the root, so that the root can be tagged.
    package func restoreChildren(of image: KeptImage, in reference: ImageReference) async throws(RegistryError) {
        for child in image.children {
            do throws(RegistryError) {
                _ = try await manifest(child.digest, in: reference)
            } catch .absent {
                try await put(child, in: reference)
            }
        }
    }

    /// The blobs of an image that the registry lacks. Only a 404 counts; after any other error a blob is not known to be
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

    /// The most blobs that are checked.
    private static let maximumBlobs = 256
}
