import FoundationEssentials
package import Shared
package import Transfer

/// Reads and retags images in registries (OCI distribution specification).
///
/// ```swift
/// let client = RegistryClient(web: web, access: access, deadline: .now + .seconds(60))
/// let image = try await client.resolve(reference)
/// ```
///
/// All returned content was hashed here; headers are not trusted. Only a registry's 404 means that something does not exist;
/// after any other failure nothing is known (``RegistryError/exitCode`` 69).
package struct RegistryClient: Sendable {
    /// The time by which every request ends.
    package var deadline: ContinuousClock.Instant
    let transport: RegistryTransport

    package init(web: WebClient, access: RegistryAccess, deadline: ContinuousClock.Instant) {
        transport = RegistryTransport(web: web, access: access)
        self.deadline = deadline
    }

    /// A client that shares the connection and tokens, with another deadline.
    package func until(_ deadline: ContinuousClock.Instant) -> RegistryClient {
        var copy = self
        copy.deadline = deadline
        return copy
    }

    // MARK: - Reading

    /// Reads the index or manifest of a reference, by its digest or else by its tag.
    ///
    /// - Parameter isFresh: true to use a new connection and bypass caches.
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

    /// True if a tag may point at a digest other than this one. The registry's answer is not verified: read the
    /// manifest next.
    ///
    /// Cheap enough for once a second, and not counted as a pull.
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

    /// Reads the index or manifest of a tag; nil if the registry reports that the tag does not exist.
    package func present(
        _ reference: ImageReference, isFresh: Bool = false
    ) async throws(RegistryError) -> RegistryManifest? {
        do throws(RegistryError) {
            return try await manifest(of: reference, isFresh: isFresh)
        } catch .absent(_, .tag), .absent(_, .repository) {
            return nil
        }
    }

    /// Reads the manifest with a digest in a reference's repository.
    package func manifest(_ digest: Digest, in reference: ImageReference) async throws(RegistryError)
        -> RegistryManifest
    {
        try await manifest(of: reference.with(digest: digest))
    }

    /// Reads an image's configuration by its digest.
    func config(_ digest: Digest, in reference: ImageReference) async throws(RegistryError) -> ImageConfiguration {
        let subject = reference.with(digest: digest).description
        let request = RegistryRequest(
            subject: subject, repository: reference, path: "\(reference.path)/blobs/\(digest)")
        var response = try await transport.send(request, until: deadline)
        if [301, 302, 303, 307, 308].contains(response.status) {
            response = try await follow(response, request)
        }
        try RegistryStatus(response).check(subject, missing: .blob)
        guard Digest(sha256Of: response.body) == digest else {
            throw .untrustworthy(
                subject, reason: "was answered with content that does not match its digest: the storage is broken")
        }
        guard let configuration = ImageConfiguration(parsing: response.body) else {
            throw .unusable(subject, reason: "is not an image configuration")
        }
        return configuration
    }

    /// Follows one redirection, with a new request without credentials.
    private func follow(
        _ response: TransferResponse, _ request: RegistryRequest
    ) async throws(RegistryError) -> TransferResponse {
        let endpoint = try await transport.endpoint(of: request, until: deadline)
        let (url, isLoopback) = try Redirection(response, from: endpoint, request).target()
        let followed = try await transport.fetch(
            url, for: request, isLoopback: isLoopback, until: deadline)
        guard !(300..<400).contains(followed.status) else {
            throw .untrustworthy(request.subject, reason: "is redirected more than once")
        }
        return followed
    }

    // MARK: - Writing

    /// Points a tag at a manifest. Not repeated if the outcome is unknown.
    ///
    /// - Throws: ``RegistryError/uncertainPut(_:reason:)`` if the tag may or may not have moved.
    package func put(
        _ manifest: RegistryManifest, tag: String, in reference: ImageReference
    ) async throws(RegistryError) {
        guard let target = ImageReference(parsing: "\(reference.repository):\(tag)") else {
            throw .contradiction("'\(Sanitizer.singleLine(tag, limit: 80))' is not a valid tag")
        }
        try await put(manifest, as: tag, target.description, in: reference)
    }

    /// Uploads a manifest by its digest, without a tag.
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
                reason: "the registry reports the digest '\(Sanitizer.singleLine(stated ?? "", limit: 90))'")
        }
    }
}

extension ImageReference {
    /// A reference to a digest in the same repository.
    package func with(digest: Digest) -> ImageReference {
        // Cannot fail: repository and digest are both valid.
        ImageReference(parsing: "\(repository)@\(digest)") ?? self
    }
}

extension RegistryClient {
    /// Reads an image down to each platform's configuration.
    package func resolve(_ reference: ImageReference) async throws(RegistryError) -> ResolvedImage {
        try await resolve(try await manifest(of: reference), as: reference)
    }

    /// Reads the rest of an image whose index or manifest was read before.
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
                    reference.description, reason: "is an index without any platform: nothing could run")
            }
        }
        return ResolvedImage(reference: reference, manifest: manifest, entries: entries)
    }

    /// The depth to which nested indexes are followed.
    static let maximumNesting = 4
    /// The most manifests that are read for one reference.
    package static let maximumChildren = 256

    /// The manifests read so far, so that none is read twice and the walk ends.
    private struct Walk {
        let reference: ImageReference
        var seen: Set<Place> = []

        /// One manifest may be listed for several platforms.
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
            // Other artifacts in the index.
            if let type = child.mediaType, RegistryMediaType(rawValue: type) == nil { continue }
            guard walk.seen.insert(.init(digest: child.digest, platform: child.platform)).inserted else { continue }
            guard walk.seen.count <= Self.maximumChildren else {
                throw .unusable(subject, reason: "holds more than \(Self.maximumChildren) manifests")
            }
            let manifest = try await manifest(child.digest, in: walk.reference)
            switch manifest.body.kind {
            case .index(let nested): entries += try await self.entries(of: nested, depth: depth + 1, &walk)
            case .manifest(let config):
                // Signatures and charts have manifests, too.
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
                reason: "is not a runnable image: its configuration is '\(Sanitizer.singleLine(type, limit: 90))'")
        }
        let configuration = try await self.config(config.digest, in: reference)
        return ResolvedImage.Entry(
            digest: digest, platform: platform ?? configuration.platform, config: config.digest,
            revisionText: configuration.revisionText, revision: configuration.revision, created: configuration.created)
    }
}

extension RegistryClient {
    /// Lists all tags of a repository.
    ///
    /// - Throws: also if the list is incomplete.
    package func tags(of reference: ImageReference) async throws(RegistryError) -> [String] {
        let subject = "the list of tags of \(reference.repository)"
        let endpoint = try await transport.endpoint(
            of: RegistryRequest(subject: subject, repository: reference, path: ""), until: deadline)
        var tags: [String] = []
        var path = "\(reference.path)/tags/list?n=\(Self.tagsPerPage)"
        var seen: Set<String> = []
        for _ in 1...Self.maximumPages {
            guard seen.insert(path).inserted else {
                throw .untrustworthy(subject, reason: "repeats a page")
            }
            let response = try await transport.send(
                RegistryRequest(subject: subject, repository: reference, path: path), until: deadline)
            try RegistryStatus(response).check(subject, missing: .repository)
            tags += try Self.page(response, subject)
            guard tags.count <= Self.maximumTags else {
                throw .unusable(subject, reason: "has more than \(Self.maximumTags) tags")
            }
            guard let next = ContentLink.next(in: response.headers["link"]) else { return tags }
            path = try Self.path(of: next, behind: path, endpoint, subject)
        }
        throw .untrustworthy(subject, reason: "has more than \(Self.maximumPages) pages")
    }

    package static let maximumPages = 200
    private static let maximumTags = 200_000
    private static let tagsPerPage = 1_000

    private static func page(_ response: TransferResponse, _ subject: String) throws(RegistryError) -> [String] {
        struct Wire: Decodable { var tags: [String]? }
        guard let wire = try? JSONDecoder().decode(Wire.self, from: Data(response.body)) else {
            throw .untrustworthy(subject, reason: "the response is not a list of tags")
        }
        return wire.tags ?? []
    }

    /// The part after `/v2/` of the next page's URL, which must be on the same host, because the token is sent there.
    private static func path(
        of next: String, behind path: String, _ endpoint: RegistryEndpoint, _ subject: String
    ) throws(RegistryError) -> String {
        let here = URL(string: "\(endpoint.base)/v2/\(path)")
        guard next.isVisibleASCII,
            let url = URL(string: next, relativeTo: here)?.absoluteURL, WebOrigin(url) == endpoint.origin,
            let authority = url.absoluteString.firstRange(of: "://"),
            let slash = url.absoluteString[authority.upperBound...].firstIndex(of: "/"),
            url.absoluteString[slash...].hasPrefix("/v2/")
        else {
            throw .untrustworthy(
                subject, reason: "continues at another host or an invalid URL, where credentials are not sent")
        }
        return String(url.absoluteString[slash...].dropFirst("/v2/".count))
    }
}

/// The `next` relation of a `Link` header (RFC 8288), by which registries page their lists.
enum ContentLink {
    /// The target as written; nil without a next page.
    static func next(in header: String?) -> String? {
        guard let header else { return nil }
        var rest = header[...]
        while let opening = rest.firstIndex(of: "<") {
            guard let closing = rest[opening...].firstIndex(of: ">") else { return nil }
            let target = rest[rest.index(after: opening)..<closing]
            let behind = rest[rest.index(after: closing)...]
            let end = behind.firstIndex(of: "<") ?? behind.endIndex
            let isNext = behind[..<end].split(whereSeparator: { $0 == ";" || $0 == "," }).contains { parameter in
                let parts = parameter.split(separator: "=" as Character, maxSplits: 1)
                guard parts.count == 2, parts[0].filter({ !$0.isWhitespace }).lowercased() == "rel" else {
                    return false
                }
                return parts[1].filter { $0 != "\"" && !$0.isWhitespace }.lowercased() == "next"
            }
            if isNext { return String(target) }
            rest = behind[end...]
        }
        return nil
    }
}
