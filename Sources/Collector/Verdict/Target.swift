package import Shared

/// The promoted build, which every host must serve. At least one of `gitSHA` and `digest` is set for a verification.
package struct Target: Codable, Hashable, Sendable {
    package var service: String
    package var environment: EnvironmentName
    package var gitSHA: GitSHA?
    /// The digest of an index or a manifest.
    package var digest: Digest?
    /// The reference that the digest was read from, if any.
    package var image: String?
    /// The content of the promoted bytes; nil if unknown.
    package var content: PromotedContent?
    /// The number of this promotion in the ledger; nil without one.
    package var generation: Int?

    package init(
        service: String, environment: EnvironmentName = .standard, gitSHA: GitSHA? = nil, digest: Digest? = nil,
        image: String? = nil, content: PromotedContent? = nil, generation: Int? = nil
    ) {
        self.service = service
        self.environment = environment
        self.gitSHA = gitSHA
        self.digest = digest
        self.image = image
        self.content = content
        self.generation = generation
    }

    package enum CodingKeys: String, CodingKey {
        case service, environment, digest, image, content, generation
        case gitSHA = "git_sha"
    }

    /// True if hosts can be compared with the target.
    package var isComparable: Bool { gitSHA != nil || digest != nil }

    /// The target in short, for one line.
    package var summary: String {
        [gitSHA.map(\.short), digest.map(\.short)].compactMap { $0 }.joined(separator: " ")
    }
}

/// The content of a promoted index or manifest, read from its bytes.
package struct PromotedContent: Codable, Hashable, Sendable {
    /// An image's manifest for one platform.
    package struct Manifest: Codable, Hashable, Sendable {
        package var digest: Digest
        /// nil for a single manifest whose configuration is not known.
        package var platform: Platform?
        /// The digest of the image's configuration; nil if unknown.
        package var config: Digest?

        package init(digest: Digest, platform: Platform? = nil, config: Digest? = nil) {
            self.digest = digest
            self.platform = platform
            self.config = config
        }
    }

    package var isIndex: Bool
    /// The children of an index without attestations, or the manifest itself.
    package var manifests: [Manifest]
    /// True if the index holds something whose platform its bytes do not show, for example a nested index, so that it is
    /// unknown which platforms it lacks. nil means false.
    package var isIncomplete: Bool?

    package init(isIndex: Bool, manifests: [Manifest], isIncomplete: Bool? = nil) {
        self.isIndex = isIndex
        self.manifests = manifests
        self.isIncomplete = isIncomplete
    }

    package enum CodingKeys: String, CodingKey {
        case manifests
        case isIndex = "is_index"
        case isIncomplete = "is_incomplete"
    }
}

extension PromotedContent {
    /// True for an index that holds nothing that a host which runs images for `platform` could run.
    ///
    /// An architecture's variants run on each other's machines in one direction or the other, and so do its 32-bit and
    /// 64-bit forms. The lack is certain only if all of them are missing.
    func lacks(_ platform: Platform) -> Bool {
        isIndex && isMadeForOthers(than: platform)
    }

    /// The same, but for a single manifest too. An engine runs an image although its configuration states the wrong
    /// platform, so this is a mistake only if the host's platform was declared.
    package func isMadeForOthers(than platform: Platform) -> Bool {
        lacksAll { $0.os == platform.os && $0.family == platform.family } && !platform.isAttestation
    }

    /// True for an index that holds nothing that an engine on `platform` runs without emulation.
    package func holdsNothing(forEngine platform: Platform) -> Bool {
        isIndex && lacksAll(platform.runs) && !platform.isAttestation
    }

    private func lacksAll(_ isFitting: (Platform) -> Bool) -> Bool {
        guard isIncomplete != true else { return false }
        return !manifests.contains { $0.platform.map(isFitting) ?? true }
    }
}

extension Platform {
    fileprivate var family: String {
        switch architecture {
        case "386", "amd64": "x86"
        case "arm", "arm64": "arm"
        default: architecture
        }
    }

    /// True if a machine of this platform runs images for the other one, by the rules of containerd's `platforms.Only`.
    /// Variants that engines do not report (`amd64/v3`, `arm64/v9`) are assumed to fit.
    package func runs(_ image: Platform) -> Bool {
        guard os == image.os else { return false }
        switch (architecture, image.architecture) {
        case ("arm", "arm"):
            guard let own = armVersion, let other = image.armVersion else { return true }
            return other <= own
        case ("arm64", "arm"), ("amd64", "386"): return true
        case (let own, let other): return own == other
        }
    }

    /// The number in a variant such as `v7`.
    private var armVersion: Int? { variant.flatMap { $0.hasPrefix("v") ? Int($0.dropFirst()) : nil } }
}
