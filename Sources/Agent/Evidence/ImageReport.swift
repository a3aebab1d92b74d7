import Shared

/// Which image a container runs: every digest that can be told, and the one that speaks for it.
struct ImageReport: Hashable, Sendable {
    let evidence: ImageEvidence
    let digest: Digest?
    /// Why there is no digest.
    let remark: String?

    /// The schema's limit.
    static let digestLimit = 64

    init(_ facts: ContainerFacts, store: EngineIdentity.Store) {
        let typed = ImageReference(parsing: facts.typedImage)
        let all =
            switch store {
            case .containerd: Self.containerdDigests(facts, typed: typed)
            case .classic, .podman, .unknown: Self.configStoreDigests(facts, typed: typed, store: store)
            }
        let digests = Array(Self.withoutDuplicates(all).prefix(Self.digestLimit))
        let fromRegistry = digests.filter { Self.isRegistrys($0, typed: typed) }
        evidence = ImageEvidence(
            reference: Sanitizer.singleLine(facts.typedImage),
            platform: (facts.manifest?.platform ?? facts.image?.platform).map {
                Sanitizer.singleLine("\($0)", limit: 64)
            },
            origin: fromRegistry.isEmpty ? .none : .registry, digests: digests,
            tagMoved: facts.tagImageID.map { $0 != facts.imageID } ?? false)
        switch store {
        case .containerd: (digest, remark) = (facts.imageID, nil)
        case .classic, .podman, .unknown: (digest, remark) = Self.speaking(among: fromRegistry, typed: typed)
        }
    }

    /// Docker on containerd: the container's `.Image` is itself a content digest. The image's `RepoDigests` are made up
    /// from local tags there and prove nothing, so they are not even read.
    private static func containerdDigests(_ facts: ContainerFacts, typed: ImageReference?) -> [DigestEvidence] {
        let described = [facts.manifest, facts.image?.descriptor].compactMap { $0 }.first { $0.digest == facts.imageID }
        var digests = [
            DigestEvidence(digest: facts.imageID, kind: described?.kind ?? .indexOrManifest, source: .containerImage)
        ]
        if let manifest = facts.manifest {
            let kind: DigestEvidence.Kind = manifest.kind == .indexOrManifest ? .manifest : manifest.kind
            digests.append(DigestEvidence(digest: manifest.digest, kind: kind, source: .containerManifestDescriptor))
        }
        return digests + pin(typed)
    }

    /// Docker's classic store and Podman: the container's `.Image` is a config digest; registry digests stand in the
    /// image's `RepoDigests`, one for every reference it was pulled by.
    private static func configStoreDigests(
        _ facts: ContainerFacts, typed: ImageReference?, store: EngineIdentity.Store
    ) -> [DigestEvidence] {
        let kind: DigestEvidence.Kind = store == .unknown ? .unknown : .config
        var digests = [DigestEvidence(digest: facts.imageID, kind: kind, source: .containerImage)]
        let pulled = (facts.image?.repoDigests ?? []).compactMap { text -> DigestEvidence? in
            guard let reference = ImageReference(parsing: text), let digest = reference.digest else { return nil }
            return DigestEvidence(
                digest: digest, kind: .indexOrManifest, repository: reference.repository, source: .imageRepoDigests)
        }
        // The typed repository first, so that a cut at the limit takes what matters least.
        let rank = { (entry: DigestEvidence) in
            (entry.repository == typed?.repository ? 0 : 1, entry.repository ?? "", entry.digest.hex)
        }
        digests += pulled.sorted { rank($0) < rank($1) }
        if let digest = facts.libpodImageDigest {
            digests.append(DigestEvidence(digest: digest, kind: .indexOrManifest, source: .libpodImageDigest))
        }
        return digests + pin(typed)
    }

    private static func pin(_ typed: ImageReference?) -> [DigestEvidence] {
        guard let typed, let digest = typed.digest else { return [] }
        return [
            DigestEvidence(digest: digest, kind: .indexOrManifest, repository: typed.repository, source: .configPin)
        ]
    }

    /// An entry goes where an earlier one says the same: the same digest, and no repository that the earlier one lacks.
    private static func withoutDuplicates(_ entries: [DigestEvidence]) -> [DigestEvidence] {
        entries.reduce(into: []) { kept, entry in
            let isKnown = kept.contains {
                $0.digest == entry.digest && (entry.repository == nil || entry.repository == $0.repository)
            }
            if !isKnown { kept.append(entry) }
        }
    }

    /// Podman files what is built on the host under `localhost/`, and gives it digests that no registry knows.
    private static func isRegistrys(_ entry: DigestEvidence, typed: ImageReference?) -> Bool {
        guard [.index, .manifest, .indexOrManifest].contains(entry.kind) else { return false }
        if let repository = entry.repository { return !repository.hasPrefix("localhost/") }
        return entry.source != .libpodImageDigest || typed?.registry != "localhost"
    }

    /// Source: digests.md, section 3: the entry whose repository is that of `Config.Image`, the pinned one first.
    private static func speaking(
        among entries: [DigestEvidence], typed: ImageReference?
    ) -> (Digest?, String?) {
        guard !entries.isEmpty else {
            return (nil, "its image has no registry digest here: built, loaded, committed or untagged since")
        }
        if let pinned = typed?.digest { return (pinned, nil) }
        guard let typed else { return (nil, "it was created from an image's id, which names no repository") }
        let candidates = Set(entries.filter { $0.repository == typed.repository }.map(\.digest))
        switch candidates.count {
        case 1: return (candidates.first, nil)
        case 0: return (nil, "its image has no digest of \(typed.repository)")
        default: return (nil, "its image has \(candidates.count) digests of \(typed.repository), and none is pinned")
        }
    }
}
