import ArgumentParser
import CollectorSupport
import Inventory
import Operations
import Registry
import Shared
import Transfer
import Verdict

/// The promoted build.
struct TargetOptions: ParsableArguments {
    static let environmentFlags: [EnvironmentArguments.Flag] = [
        .init("--sha", needsText: true), .init("--digest", needsText: true), .init("--image", needsText: true),
        .init("--index", needsText: true),
    ]

    @Option(help: "The promoted commit, in full.", transform: ArgumentText.gitSHA)
    var sha: GitSHA?

    @Option(help: "The promoted digest, of an index or a manifest.", transform: ArgumentText.digest)
    var digest: Digest?

    @Option(
        help: ArgumentHelp(
            "The promoted image. Its digest, platforms and commit are read from the registry once, before the hosts are "
                + "contacted, and must agree with --sha and --digest.", valueName: "ref"),
        transform: ArgumentText.imageReference)
    var image: ImageReference?

    @Option(
        help: ArgumentHelp(
            "The raw bytes of the promoted index or manifest, to verify without a registry. Their SHA-256 must be --digest, "
                + "or the digest of --image.", valueName: "file"))
    var index: String?

    func validate() throws {
        guard index == nil || digest != nil || image != nil else {
            throw ValidationError("--index needs --digest or --image, to check the file against")
        }
    }

    /// Resolves the target from the options, the index file and the registry, and calls `body` with it. The registry
    /// client lives until `body` returns.
    ///
    /// - Parameter requiresImage: true if a tag that is missing from the registry is an error.
    func withTarget<Value>(
        for inventory: Inventory, registry: RegistryOptions, requiresImage: Bool = true, environment: [String: String],
        _ body: (Target, ImageSource?) async throws -> Value
    ) async throws -> Value {
        guard let image else { return try await body(try target(for: inventory), nil) }
        return try await WebClient.with { web in
            let client = try registry.client(web: web, environment: environment)
            var target = Target(
                service: inventory.service, environment: inventory.environment, gitSHA: sha, digest: digest)
            try TargetResolver.check(target, against: image)
            let resolved = try await Spinner.show(
                "reading from the registry", on: .standardError, environment: environment
            ) { _ in
                try await Self.read(image, from: client, isRequired: requiresImage)
            }
            if let resolved { target = try TargetResolver.complete(target, by: resolved, for: inventory.hosts) }
            if let index, let digest = target.digest { _ = try content(of: index, digest: digest) }
            let named = ImageSource(
                reference: image, image: resolved, client: client, timeout: registry.registryTimeout)
            return try await body(target, named)
        }
    }

    private static func read(
        _ image: ImageReference, from client: RegistryClient, isRequired: Bool
    ) async throws(RegistryError) -> ResolvedImage? {
        if isRequired { return try await client.resolve(image) }
        guard let manifest = try await client.present(image) else { return nil }
        return try await client.resolve(manifest, as: image)
    }

    /// The target from the options and the index file.
    private func target(for inventory: Inventory) throws -> Target {
        var target = Target(
            service: inventory.service, environment: inventory.environment, gitSHA: sha, digest: digest)
        guard let index, let digest else { return target }
        let content = try content(of: index, digest: digest)
        try TargetResolver.check(content, called: "--index '\(index)'", for: inventory.hosts)
        target.content = content
        return target
    }

    /// The target of a verification by a service, which reads the image itself.
    func remoteTarget(for inventory: Inventory) throws -> Target {
        guard let image else { return try target(for: inventory) }
        var target = Target(
            service: inventory.service, environment: inventory.environment, gitSHA: sha, digest: digest)
        try TargetResolver.check(target, against: image)
        target.digest = digest ?? image.digest
        target.image = "\(image)"
        return target
    }

    private func content(of index: String, digest: Digest) throws -> PromotedContent {
        let bytes = try BoundedFile.read(index, limit: BoundedFile.manifestLimit, flag: "--index")
        guard Digest(sha256: SHA256.hash(bytes)) == digest else {
            throw UsageError(
                "--index '\(index)' does not hash to \(image == nil ? "--digest " : "the digest of --image, ")\(digest): "
                    + "save the raw bytes of that digest")
        }
        do throws(PromotedContentError) {
            return try PromotedContent(parsing: bytes, digest: digest)
        } catch {
            throw UsageError(
                "--index '\(index)' \(error): save one with resolve --save, or with 'skopeo inspect --raw'")
        }
    }
}

/// The promotion to verify, by its generation in the ledger, for targets that are ambiguous without it.
struct GenerationOptions: ParsableArguments {
    static let environmentFlags: [EnvironmentArguments.Flag] = [.init("--generation", needsText: true)]

    @Option(
        help: ArgumentHelp(
            "The ledger's number of the promotion to verify; it must be a promotion of this target. If a later one is "
                + "recorded, the verdict is superseded. Without this option, a target other than the last promotion counts "
                + "as a new promotion: right for a rollback, wrong for an older job that runs late.", valueName: "n"),
        transform: ArgumentText.positiveCount)
    var generation: Int?
}

/// The commit of a pipeline.
enum PipelineCommit {
    /// - Parameter flag: the value of `--sha`; without it, `GITHUB_SHA` counts.
    /// - Throws: ``UsageError`` if neither names a full commit id.
    static func read(flag: GitSHA?, environment: [String: String]) throws -> GitSHA {
        if let flag { return flag }
        guard let text = environment["GITHUB_SHA"], !text.isEmpty else {
            throw UsageError("no commit named: give --sha, or set GITHUB_SHA")
        }
        do {
            return try GitSHA(parsing: text)
        } catch {
            throw UsageError("GITHUB_SHA '\(Sanitizer.singleLine(text, limit: 80))' \(error)")
        }
    }
}
