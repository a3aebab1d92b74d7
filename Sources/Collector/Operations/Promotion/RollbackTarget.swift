import Foundation
import Ledger
import Registry
import Reports
import Shared

/// What a tag would be put back to, read before it is moved: afterwards the registry may have removed it.
struct RollbackTarget: Sendable {
    var digest: Digest
    /// nil where the image does not say one commit.
    var gitSHA: GitSHA?
    /// nil where the ledger knows no promotion of it.
    var build: ProvenBuild?
    /// Its manifests; nil where neither registry nor ledger has them all.
    var image: KeptImage?

    var isProven: Bool { build?.provenAt != nil }
    var name: String { gitSHA?.short ?? digest.short }
    /// For example `51a5c0ffee12 (generation 8, converged 2026-11-20T10:00:00.000Z)`.
    var standing: String {
        guard let build else { return "\(name) (no promotion of it is known, and it was never proven)" }
        return "\(name) (\(build.standing)\(build.provenAt == nil ? ", never proven" : ""))"
    }
}

/// Finds the way back, and keeps what it takes to go it.
struct RollbackTargetFinder: Sendable {
    let registry: RegistryClient
    let ledger: Ledger
    let narrator: PromotionLog
    /// For all of it together: no promotion fails, and none waits for long, because the way back is not clear.
    var timeout = Duration.seconds(20)
    /// Whether what is read is kept in the ledger.
    var keeps = true

    /// - Parameters:
    ///   - intended: what the tag is about to be.
    ///   - former: what it is now.
    /// - Returns: the last proven build, else what the tag is; nil where there is nothing to go back to.
    func find(
        service: String, target: ImageReference, intended: Digest, former: TagState?
    ) async throws(LedgerError) -> RollbackTarget? {
        let history = BuildHistory(
            builds: try await ledger.builds(
                service: service, repository: target.repository, tag: target.effectiveTag ?? ""))
        // What the tag is now is kept, whatever the way back is: `rollback` may want it.
        var kept: KeptImage?
        if let former, former.digest != intended { kept = try await keep(former.digest, in: target) }
        if let build = history.lastProven(before: intended) {
            var wayBack = RollbackTarget(digest: build.digest, gitSHA: build.gitSHA, build: build)
            if build.digest == former?.digest { wayBack.image = kept }
            return try await complete(wayBack, in: target)
        }
        guard let former, former.digest != intended else { return nil }
        let build = history.builds.last { $0.digest == former.digest }
        return try await complete(
            RollbackTarget(digest: former.digest, gitSHA: former.gitSHA, build: build, image: kept), in: target)
    }

    /// Reads the manifests of a way back, where that was not done, and says what is known to be missing of it.
    func complete(_ wayBack: RollbackTarget, in target: ImageReference) async throws(LedgerError) -> RollbackTarget {
        var wayBack = wayBack
        if wayBack.image == nil { wayBack.image = try await keep(wayBack.digest, in: target) }
        await check(wayBack, in: target)
        return wayBack
    }

    /// An image's manifests from the registry, else from the ledger; nil where neither has them.
    func keep(_ digest: Digest, in target: ImageReference) async throws(LedgerError) -> KeptImage? {
        let registry = registry.until(.now + timeout)
        let image: KeptImage
        do throws(RegistryError) {
            image = try await registry.keep(registry.manifest(digest, in: target), in: target)
        } catch {
            if let image = try await remembered(digest) { return image }
            narrator.say(.wayBack, "\(digest.short) cannot be kept for a way back: \(error)")
            return nil
        }
        if keeps { try await ledger.keep(image, at: Date()) }
        return image
    }

    /// The same from the ledger alone.
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

    /// Says what is known to be missing, while it can still be thought over.
    private func check(_ wayBack: RollbackTarget, in target: ImageReference) async {
        guard let image = wayBack.image else {
            narrator.say(
                .wayBack,
                "the way back to \(wayBack.standing) is gone: neither the registry nor the ledger has its manifests")
            return
        }
        do throws(RegistryError) {
            let missing = try await registry.until(.now + timeout).missingBlobs(of: image, in: target)
            guard !missing.isEmpty else { return }
            let names = missing.prefix(3).map(\.short).joined(separator: ", ")
            let more = missing.count > 3 ? " and \(missing.count - 3) more" : ""
            narrator.say(
                .wayBack,
                "the way back to \(wayBack.standing) is gone: the registry lacks \(missing.count) of its "
                    + "\(image.blobs.count) blobs (\(names)\(more)), so that no host can pull it")
        } catch {
            narrator.say(.wayBack, "whether the registry still has all of \(wayBack.name) is not known: \(error)")
        }
    }
}
