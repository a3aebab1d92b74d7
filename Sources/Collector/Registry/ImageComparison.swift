package import Shared

/// The comparison of two images: whether they are the same, and by which rule.
package struct ImageComparison: Hashable, Sendable {
    package enum Rule: String, Hashable, Sendable, CaseIterable, Codable {
        /// Both have the same digest.
        case exact
        /// One is an index, the other its manifest for a platform.
        case platform
        /// Two indexes with the same manifests for the same platforms, apart from attestations.
        case wrapped
        /// Different manifests of the same configurations: recompressed or converted.
        case content

        package var sentence: String {
            switch self {
            case .exact: "the same digest"
            case .platform: "one is an index, the other its manifest for the platform"
            case .wrapped: "two indexes with the same manifests"
            case .content: "different manifests with the same configurations"
            }
        }
    }

    /// The rule by which the images are the same; nil if they are not.
    package let rule: Rule?
    /// The platforms for which the images are the same: only the manifest's if an index is compared with a manifest.
    package let platforms: [Platform]

    package init(_ first: ResolvedImage, _ second: ResolvedImage) {
        (rule, platforms) = Self.compare(first, second)
    }

    private static func compare(_ first: ResolvedImage, _ second: ResolvedImage) -> (Rule?, [Platform]) {
        let all = first.entries.compactMap(\.platform)
        if first.digest == second.digest { return (.exact, all) }
        switch (first.isIndex, second.isIndex) {
        case (true, true):
            if Set(first.entries.map(\.identity)) == Set(second.entries.map(\.identity)) { return (.wrapped, all) }
            if Set(first.entries.map(\.content)) == Set(second.entries.map(\.content)) { return (.content, all) }
        case (false, false):
            if first.entries.map(\.content) == second.entries.map(\.content) { return (.content, all) }
        case (true, false): return compare(index: first, manifest: second)
        case (false, true): return compare(index: second, manifest: first)
        }
        return (nil, [])
    }

    private static func compare(index: ResolvedImage, manifest: ResolvedImage) -> (Rule?, [Platform]) {
        guard let own = manifest.entries.first else { return (nil, []) }
        if let child = index.entries.first(where: { $0.digest == own.digest }) {
            return (.platform, [child.platform].compactMap { $0 })
        }
        if let child = index.entries.first(where: { $0.content == own.content }) {
            return (.content, [child.platform].compactMap { $0 })
        }
        return (nil, [])
    }
}

extension ResolvedImage.Entry {
    fileprivate struct Identity: Hashable {
        var platform: Platform?
        var digest: Digest
    }

    fileprivate var identity: Identity { Identity(platform: platform, digest: digest) }
    fileprivate var content: Identity { Identity(platform: platform, digest: config) }
}
