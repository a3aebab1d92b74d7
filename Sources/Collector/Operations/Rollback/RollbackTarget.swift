import Foundation
import Ledger
import Registry
import Reports
import Shared
import Verdict

/// The build that a tag would be put back to, read before the tag is moved: afterwards the registry may remove it.
struct RollbackTarget: Sendable {
    let digest: Digest
    /// nil unless the image states one commit.
    let gitSHA: GitSHA?
    /// nil if the ledger has no promotion of it.
    var build: ProvenBuild?
    /// Its manifests; nil unless the registry or the ledger has all of them.
    var image: KeptImage?

    var name: String { gitSHA?.short ?? digest.short }
    /// For example `51a5c0ffee12 (promotion no. 8, converged 2026-11-20T10:00:00.000Z)`.
    var standing: String {
        guard let build else { return "\(name) (not in the ledger, never proven)" }
        return "\(name) (\(build.standing)\(build.provenAt == nil ? ", never proven" : ""))"
    }
}

/// Finds the build to roll back to, and keeps its manifests in the ledger.
struct RollbackTargetFinder: Sendable {
    let registry: RegistryClient
    let ledger: Ledger
    let log: PromotionLog
    /// The timeout of the whole search: a rollback target that cannot be read must not fail or delay a promotion.
    var timeout = Duration.seconds(20)
    /// True if the manifests are kept in the ledger.
    var keeps = true

    /// - Parameters:
    ///   - intended: the digest that the tag is about to get.
    ///   - former: the tag's present image.
    /// - Returns: the last proven build, or else the present image; nil if there is neither.
    func find(
        service: DeployedService, target: ImageReference, intended: Digest, former: TagState?
    ) async throws(LedgerError) -> RollbackTarget? {
        let history = BuildHistory(
            builds: try await ledger.builds(
                of: service, repository: target.repository, tag: target.effectiveTag ?? ""))
        // The present image is kept even if another one is the rollback target: `rollback --to` may name it.
        var kept: KeptImage?
        if let former, former.digest != intended { kept = try await keep(former.digest, in: target) }
        if let build = history.lastProven(before: intended) {
            var found = RollbackTarget(digest: build.digest, gitSHA: build.gitSHA, build: build)
            if build.digest == former?.digest { found.image = kept }
            return try await complete(found, in: target)
        }
        guard let former, former.digest != intended else { return nil }
        let build = history.builds.last { $0.digest == former.digest }
        return try await complete(
            RollbackTarget(digest: former.digest, gitSHA: former.gitSHA, build: build, image: kept), in: target)
    }

    /// Reads the manifests of a rollback target if they are missing, and warns if parts of it are gone.
    func complete(_ initial: RollbackTarget, in target: ImageReference) async throws(LedgerError) -> RollbackTarget {
        var completed = initial
        if completed.image == nil { completed.image = try await keep(completed.digest, in: target) }
        await check(completed, in: target)
        return completed
    }

    /// An image's manifests from the registry or else from the ledger; nil if neither has them.
    func keep(_ digest: Digest, in target: ImageReference) async throws(LedgerError) -> KeptImage? {
        let registry = registry.until(.now + timeout)
        let image: KeptImage
        do throws(RegistryError) {
            image = try await registry.keep(registry.manifest(digest, in: target), in: target)
        } catch {
            if let image = try await remembered(digest) { return image }
            log.warn(.rollback, "cannot keep \(digest.short) for a rollback: \(error)")
            return nil
        }
        if keeps { try await ledger.keep(image, at: Date()) }
        return image
    }

    /// An image's manifests from the ledger; nil unless it has all of them.
    private func remembered(_ digest: Digest) async throws(LedgerError) -> KeptImage? {
        guard let root = try await ledger.keptManifest(digest) else { return nil }
        var manifests: [Digest: RegistryManifest] = [:]
        var waiting = [root]
        while let manifest = waiting.popLast(), manifests.count <= RegistryClient.maximumChildren {
            guard case .index(let children) = manifest.body.kind else { continue }
            for child in children where manifests[child.digest] == nil {
                guard let found = try await ledger.keptManifest(child.digest) else { return nil }
                manifests[child.digest] = found
                waiting.append(found)
            }
        }
        let known = manifests
        do throws(RegistryError) {
            return try await KeptImage(root: root) { digest throws(RegistryError) in
                guard let manifest = known[digest] else { throw .absent(digest.description, .digest) }
                return manifest
            }
        } catch {
            return nil
        }
    }

    /// Warns about missing parts before the tag is moved.
    private func check(_ build: RollbackTarget, in target: ImageReference) async {
        guard let image = build.image else {
            log.warn(
                .rollback,
                "cannot roll back to \(build.standing): neither the registry nor the ledger has its manifests")
            return
        }
        do throws(RegistryError) {
            let missing = try await registry.until(.now + timeout).missingBlobs(of: image, in: target)
            guard !missing.isEmpty else { return }
            log.warn(
                .rollback,
                "cannot roll back to \(build.standing): the registry lacks \(missing.count) of its "
                    + "\(image.blobs.count) blobs (\(missing.map(\.short).listed(limit: 3))), so hosts cannot pull it")
        } catch {
            log.warn(.rollback, "cannot check whether the registry still has all of \(build.name): \(error)")
        }
    }
}
