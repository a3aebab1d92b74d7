import FoundationEssentials
package import Shared
package import Transfer

/// Reads and re-points images in registries (OCI distribution specification).
///
/// ```swift
/// let client = RegistryClient(web: web, access: access, deadline: .now + .seconds(60))
/// let image = try await client.resolve(reference)
/// ```
///
/// What it returns was hashed here: no header and no name is believed. Only a registry's 404 means that something is absent;
/// everything else that is no answer means that nothing is known (``RegistryError/exitCode`` 69).
package struct RegistryClient: Sendable {
    /// Nothing outlasts it.
    package var deadline: ContinuousClock.Instant
    let transport: RegistryTransport

    package init(web: WebClient, access: RegistryAccess, deadline: ContinuousClock.Instant) {
        transport = RegistryTransport(web: web, access: access)
        self.deadline = deadline
    }

    /// The same registry and tokens, until another moment.
    package func until(_ deadline: ContinuousClock.Instant) -> RegistryClient {
        var copy = self
        copy.deadline = deadline
        return copy
    }

    // MARK: - Reading

    /// The index or manifest that a reference names: by its digest where it has one, else by its tag.
    ///
    /// - Parameter isFresh: whether it is asked on a connection of its own, past caches.
    package func manifest(
        of reference: ImageReference, isFresh: Bool = false
    ) async throws(RegistryError) -> RegistryManifest {
        let subject = reference.description
        guard let name = reference.digest?.description ?? reference.effectiveTag else {
            throw .contradiction("\(subject) has neither a tag nor a digest")
        }
        let response = try await transport.send(
            RegistryRequest(
                subject: subject, repository: reference, path: "\(reference.path)/manifests/\(name)",
                headers: [("Accept", RegistryMediaType.accept)], isFresh: isFresh),
            until: deadline)
        try RegistryStatus(response).check(subject, missing: reference.digest == nil ? .tag : .digest)
        do throws(ManifestError) {
            return try RegistryManifest(
                bytes: response.body, contentType: response.headers["content-type"],
                stated: response.headers["docker-content-digest"], wanted: reference.digest)
        } catch {
            throw error.isAboutTheImage
                ? .unusable(subject, reason: "\(error)") : .untrustworthy(subject, reason: "\(error)")
        }
    }

    /// Whether a tag may be another digest than this one, by the registry's mere word: enough to look closer.
    ///
    /// Cheap enough for every second, and counted by no registry as a pull.
    package func mayDiffer(_ reference: ImageReference, from digest: Digest) async throws(RegistryError) -> Bool {
        let subject = reference.description
        let response = try await transport.send(
            RegistryRequest(
                subject: subject, repository: reference, method: .head,
                path: "\(reference.path)/manifests/\(reference.effectiveTag ?? digest.description)",
                headers: [("Accept", RegistryMediaType.accept)], isFresh: true),
            until: deadline)
        try RegistryStatus(response).check(subject, missing: .tag)
        return response.headers["docker-content-digest"] != digest.description
    }

    /// The index or manifest that a tag is; nil where the registry says that there is no such tag.
    package func present(
        _ reference: ImageReference, isFresh: Bool = false
    ) async throws(RegistryError) -> RegistryManifest? {
        do throws(RegistryError) {
            return try await manifest(of: reference, isFresh: isFresh)
        } catch .absent(_, .tag), .absent(_, .repository) {
            return nil
        }
    }

    /// The manifest of a digest in a reference's repository.
    package func manifest(_ digest: Digest, in reference: ImageReference) async throws(RegistryError)
        -> RegistryManifest
    {
        try await manifest(of: reference.with(digest: digest))
    }

    /// An image's configuration, by its digest.
    func config(_ digest: Digest, in reference: ImageReference) async throws(RegistryError) -> ImageConfiguration {
        let subject = reference.with(digest: digest).description
        let request = RegistryRequest(
            subject: subject, repository: reference, path: "\(reference.path)/blobs/\(digest)")
        var response = try await transport.send(request, until: deadline)
        if [301, 302, 303, 307, 308].contains(response.status) {
            response = try await follow(response, request)
        }
        try RegistryStatus(response).check(subject, missing: .blob)
        guard Digest(sha256: SHA256.hash(response.body)) == digest else {
            throw .untrustworthy(
                subject, reason: "is answered with bytes that do not hash to it: the storage is broken")
        }
        guard let configuration = ImageConfiguration(parsing: response.body) else {
            throw .unusable(subject, reason: "is no image's configuration")
        }
        return configuration
    }

    /// Follows a redirection once, as a new request that carries nothing of ours.
    private func follow(
        _ response: TransferResponse, _ request: RegistryRequest
    ) async throws(RegistryError) -> TransferResponse {
        let endpoint = try await transport.endpoint(of: request, until: deadline)
        let (url, isLoopback) = try Redirection(response, from: endpoint, request).target()
        let followed = try await transport.fetch(
            url, for: request, isLoopback: isLoopback, until: deadline)
        guard !(300..<400).contains(followed.status) else {
            throw .untrustworthy(request.subject, reason: "is redirected again and again: one redirection is followed")
        }
        return followed
    }

    // MARK: - Writing

    /// Points a tag at these very bytes. Not made again where nobody knows what became of it.
    ///
    /// - Throws: ``RegistryError/uncertainPut(_:reason:)`` where the tag may have moved and may not.
    package func put(
        _ manifest: RegistryManifest, tag: String, in reference: ImageReference
    ) async throws(RegistryError) {
        guard let target = ImageReference(parsing: "\(reference.repository):\(tag)") else {
            throw .contradiction("'\(Sanitizer.singleLine(tag, limit: 80))' is no tag")
        }
        try await put(manifest, as: tag, target.description, in: reference)
    }

    /// Keeps these very bytes under their digest, without a tag.
    package func put(_ manifest: RegistryManifest, in reference: ImageReference) async throws(RegistryError) {
        let subject = reference.with(digest: manifest.digest).description
        try await put(manifest, as: manifest.digest.description, subject, in: reference)
    }

    private func put(
        _ manifest: RegistryManifest, as name: String, _ subject: String, in reference: ImageReference
    ) async throws(RegistryError) {
        let response = try await transport.send(
            RegistryRequest(
                subject: subject, repository: reference,
                method: .put(.init(mediaType: manifest.mediaType.rawValue, bytes: manifest.bytes)),
                path: "\(reference.path)/manifests/\(name)"),
            until: deadline)
        try RegistryStatus(response).checkPut(subject)
        let stated = response.headers["docker-content-digest"]
        guard stated == nil || stated == manifest.digest.description else {
            throw .uncertainPut(
                subject,
                reason: "the registry says it keeps '\(Sanitizer.singleLine(stated ?? "", limit: 90))' under the tag")
        }
    }
}

extension ImageReference {
    /// The same repository, by digest alone.
    package func with(digest: Digest) -> ImageReference {
        // A digest behind a repository that was parsed is a reference.
        ImageReference(parsing: "\(repository)@\(digest)") ?? self
    }
}
