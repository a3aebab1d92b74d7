import ArgumentParser
import CollectorSupport
import Inventory
import Operations
import Registry
import Shared
import Transfer
import Verdict

/// What was promoted.
struct TargetOptions: ParsableArguments {
    @Option(help: "Promoted commit, full.", transform: ArgumentText.gitSHA)
    var sha: GitSHA?

    @Option(help: "Promoted digest, of an index or a manifest.", transform: ArgumentText.digest)
    var digest: Digest?

    @Option(
        help: ArgumentHelp(
            "Take the digest, its platforms and the commit from the registry, once, before hosts are asked. What --sha and "
                + "--digest say must agree.", valueName: "ref"),
        transform: ArgumentText.imageReference)
    var image: ImageReference?

    @Option(
        help: ArgumentHelp(
            "The promoted index's or manifest's raw bytes, for judging without a registry; their SHA-256 must be "
                + "--digest, or that of --image.", valueName: "file"))
    var index: String?

    func validate() throws {
        guard index == nil || digest != nil || image != nil else {
            throw ValidationError("--index needs --digest or --image, to check the file against")
        }
    }

    /// Makes the target, with what the index file and the registry say, and hands it on; the registry can be asked until
    /// `body` ends.
    ///
    /// - Parameter requiresImage: whether a tag that the registry does not have is a mistake.
    func withTarget<Value>(
        for inventory: Inventory, registry: RegistryOptions, requiresImage: Bool = true, environment: [String: String],
        _ body: (Target, ImageSource?) async throws -> Value
    ) async throws -> Value {
        guard let image else { return try await body(try target(for: inventory), nil) }
        return try await WebClient.with { web in
            let client = try registry.client(web: web, environment: environment)
            var target = Target(service: inventory.service, gitSHA: sha, digest: digest)
            try TargetResolver.check(target, against: image)
            let progress = "asking the registry"
            let resolved = try await Spinner.show(progress, on: .standardError, environment: environment) { _ in
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

    /// The target, with what the index file says.
    private func target(for inventory: Inventory) throws -> Target {
        var target = Target(service: inventory.service, gitSHA: sha, digest: digest)
        guard let index, let digest else { return target }
        let content = try content(of: index, digest: digest)
        try TargetResolver.check(content, called: "--index '\(index)'", for: inventory.hosts)
        target.content = content
        return target
    }

    private func content(of index: String, digest: Digest) throws -> PromotedContent {
        let bytes = try LocalFile.read(index, limit: LocalFile.manifestLimit, flag: "--index")
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
