import Shared

/// A host's build compared with the target: the fact, and details for people.
struct BuildComparison: Hashable, Sendable {
    var fact: BuildFact
    var detail: Detail = .none

    /// The cause of the fact, if the fact alone does not show it.
    indirect enum Detail: Hashable, Sendable {
        case none
        /// The tag names a newer image on the host: pulled, not recreated.
        case tagMoved
        /// The build was promoted as this generation.
        case generation(Int)
        /// The answer has no commit, or an invalid one.
        case noCommit(Reported<GitSHA>)
        /// The digest is right; only the commit is missing.
        case noCommitButDigest(Reported<GitSHA>)
        /// The image has no registry digest to compare with the promoted one.
        case noRegistryDigest
        /// No agent on the host could report a digest.
        case noAgent
        /// The promoted "digest" is the host's image id. The digest of an index or a manifest was meant.
        case promotedIsConfigDigest
        /// The answer's summary contradicts its instances.
        case contradiction
        /// The image is the promoted one, but the service itself reports another commit.
        case servedOther(ProbeResult)
        /// The number of matching instances, the number of all instances, and the name of the first that does not match.
        case instances(matching: Int, of: Int, other: String)
        /// The promoted index holds nothing that runs on the host's platform.
        case lacksPlatform(Platform)
        /// The registry is being queried: the image might be another index of the promoted one.
        case learning
        /// The content of the promoted digest is known and does not include this image. `lookupFailure` is the registry's
        /// failure to identify the host's digest, if any.
        case notAmongContent(lookupFailure: String?)
    }
}

/// Compares builds with the promoted one: a pure function of evidence, target and the ledger's promotions.
///
/// The rules, in short: the promoted digest, or a digest that its bytes name, must be among the digests of *every* instance,
/// and the commits must be equal if both are given. An unknown value equals nothing.
struct BuildMatcher: Sendable {
    let target: Target
    /// In order of generation; can be empty.
    let promotions: [Promotion]
    /// The registry's answers about other digests.
    let lookups: DigestLookups

    func match(_ evidence: BuildEvidence) -> BuildComparison {
        let all = evidence.instances.map { match($0, on: evidence.enginePlatform) }
        guard let first = all.first else {
            return BuildComparison(fact: .unidentified, detail: .noCommit(evidence.gitSHA))
        }
        let matching = all.count { $0.fact.isMatch }
        if matching == all.count {
            // The least direct proof counts for the host.
            let weakest = all.max { $0.fact.directness < $1.fact.directness } ?? first
            return contradiction(in: evidence) ?? otherServed(evidence) ?? weakest
        }
        guard all.allSatisfy({ $0.fact == first.fact }), Set(evidence.instances.map(\.gitSHA)).count == 1 else {
            let other = zip(evidence.instances, all).first { !$1.fact.isMatch }?.0.name ?? ""
            return BuildComparison(
                fact: .mixed, detail: .instances(matching: matching, of: all.count, other: other))
        }
        return first
    }

    /// The contradiction between a summary and its instances, which all match; nil if they agree.
    private func contradiction(in evidence: BuildEvidence) -> BuildComparison? {
        if let wanted = target.gitSHA, evidence.gitSHA.value != wanted {
            guard let other = evidence.gitSHA.value else {
                return BuildComparison(fact: .unidentified, detail: .noCommit(evidence.gitSHA))
            }
            let fact = generation(gitSHA: other, digests: []).map { $0.fact } ?? .foreign
            return BuildComparison(fact: fact, detail: .contradiction)
        }
        if target.digest != nil, let claimed = evidence.digest,
            !evidence.instances.contains(where: { $0.registryDigests.contains(claimed) })
        {
            return BuildComparison(fact: target.gitSHA == nil ? .foreign : .digestWrong, detail: .contradiction)
        }
        return nil
    }

    /// The comparison if every instance matches but the service itself reports another commit; nil otherwise.
    ///
    /// A commit that was promoted earlier means a process that has not been replaced yet: late, not wrong.
    private func otherServed(_ evidence: BuildEvidence) -> BuildComparison? {
        guard let served = evidence.served else { return nil }
        let commits = target.gitSHA.map { [$0] } ?? evidence.instances.compactMap(\.gitSHA.value)
        guard served.agreement(with: commits) == .other else { return nil }
        let promotion = promotions.last { promotion in
            promotion.generation != target.generation
                && promotion.gitSHA.map { served.agreement(with: [$0]) == .same } ?? false
        }
        let known = promotion.flatMap { generation(gitSHA: $0.gitSHA, digests: [])?.fact }
        return BuildComparison(fact: known ?? .shaWrong, detail: .servedOther(served))
    }

    /// The digests that the registry might still identify as the promoted image.
    func unanswered(_ evidence: BuildEvidence) -> [Digest] {
        guard lookups.isPossible, target.content != nil else { return [] }
        return evidence.instances.filter { isLearnable($0, on: evidence.enginePlatform) }
            .flatMap { lookups.unanswered($0.registryDigests) }
    }

    private func isLearnable(_ instance: BuildEvidence.Instance, on engine: Platform?) -> Bool {
        guard target.content != nil, instance.isFromRegistry, instance.platform != nil else { return false }
        guard target.gitSHA == nil || instance.gitSHA.value == target.gitSHA else { return false }
        return digestProof(instance, on: engine) == nil
            && generation(gitSHA: nil, digests: instance.registryDigests) == nil
    }

    private func match(_ instance: BuildEvidence.Instance, on engine: Platform?) -> BuildComparison {
        let comparison = compare(instance, on: engine)
        switch comparison.fact {
        case .behind, .foreign, .digestWrong, .unidentified:
            // Not late: a matching image will never arrive.
            guard let platform = lackedPlatform(instance, on: engine) else { return comparison }
            return BuildComparison(fact: .digestWrong, detail: .lacksPlatform(platform))
        case .match, .matchPlatform, .matchIndex, .matchConfig, .matchSHA, .ahead, .shaWrong, .mixed, .unknown:
            return comparison
        }
    }

    /// The host's platform, if the promoted index holds nothing for it; nil otherwise.
    ///
    /// The platform is the engine's, because an image can claim any. If the host runs an image of another platform by
    /// emulation, the index must lack that one too. Without an engine's platform (older agents), the image's is used.
    private func lackedPlatform(_ instance: BuildEvidence.Instance, on engine: Platform?) -> Platform? {
        guard let content = target.content else { return nil }
        guard let engine else { return instance.platform.flatMap { content.lacks($0) ? $0 : nil } }
        guard content.holdsNothing(forEngine: engine) else { return nil }
        if instance.isRunning, let platform = instance.platform, !content.lacks(platform) { return nil }
        return engine
    }

    private func compare(_ instance: BuildEvidence.Instance, on engine: Platform?) -> BuildComparison {
        guard target.gitSHA != nil || target.digest != nil else { return BuildComparison(fact: .unidentified) }
        guard target.digest != nil else { return matchByCommit(instance) }
        let proof = digestProof(instance, on: engine)
        guard let wanted = target.gitSHA else {
            if let proof { return BuildComparison(fact: proof) }
            return isComparable(instance) ? superseding(instance) : unidentified(instance)
        }
        guard let gitSHA = instance.gitSHA.value else {
            return BuildComparison(
                fact: .unidentified,
                detail: proof == nil ? .noCommit(instance.gitSHA) : .noCommitButDigest(instance.gitSHA))
        }
        switch (gitSHA == wanted, proof) {
        case (true, let proof?): return BuildComparison(fact: proof)
        case (false, _?): return BuildComparison(fact: .shaWrong)
        case (false, nil): return superseding(instance)
        case (true, nil): return sameCommitOtherImage(instance, on: engine)
        }
    }

    private func matchByCommit(_ instance: BuildEvidence.Instance) -> BuildComparison {
        guard let gitSHA = instance.gitSHA.value else {
            return BuildComparison(fact: .unidentified, detail: .noCommit(instance.gitSHA))
        }
        return gitSHA == target.gitSHA ? BuildComparison(fact: .matchSHA) : superseding(instance)
    }

    /// The commit is right and the digest is not: an earlier build of that commit that still runs, or a wrong image.
    private func sameCommitOtherImage(_ instance: BuildEvidence.Instance, on engine: Platform?) -> BuildComparison {
        guard isComparable(instance) else { return unidentified(instance) }
        if let known = known(instance, gitSHA: nil) { return known }
        let isConfig = target.digest.map { instance.configDigests.contains($0) } ?? false
        return BuildComparison(
            fact: .digestWrong, detail: isConfig ? .promotedIsConfigDigest : difference(instance, on: engine))
    }

    /// The detail that shows if the instance's image could be the promoted one under another digest.
    private func difference(_ instance: BuildEvidence.Instance, on engine: Platform?) -> BuildComparison.Detail {
        guard target.content != nil else { return .none }
        if isLearnable(instance, on: engine), !lookups.unanswered(instance.registryDigests).isEmpty { return .learning }
        let failures = instance.registryDigests.compactMap { lookups.failed[$0] }
        return .notAmongContent(lookupFailure: failures.min())
    }

    /// Another build: one in the ledger, one whose successor was already pulled, or a foreign one.
    private func superseding(_ instance: BuildEvidence.Instance) -> BuildComparison {
        known(instance, gitSHA: instance.gitSHA.value) ?? BuildComparison(fact: .foreign)
    }

    /// A build in the ledger, or one whose successor is already on the host, which is the more useful finding.
    private func known(_ instance: BuildEvidence.Instance, gitSHA: GitSHA?) -> BuildComparison? {
        let listed = generation(gitSHA: gitSHA, digests: instance.registryDigests)
        guard instance.tagMoved, listed?.fact != .ahead else { return listed }
        return BuildComparison(fact: .behind, detail: .tagMoved)
    }

    private func unidentified(_ instance: BuildEvidence.Instance) -> BuildComparison {
        // After a pull, containerd and Podman forget the registry digests of the image that is still running.
        if instance.tagMoved { return BuildComparison(fact: .behind, detail: .tagMoved) }
        let hasAgent = !instance.name.isEmpty
        return BuildComparison(fact: .unidentified, detail: hasAgent ? .noRegistryDigest : .noAgent)
    }

    /// The rule that proves that the instance runs the promoted image; nil if none does.
    private func digestProof(_ instance: BuildEvidence.Instance, on engine: Platform?) -> BuildFact? {
        guard let digest = target.digest else { return nil }
        if instance.registryDigests.contains(digest) { return .match }
        guard let content = target.content else { return nil }
        // A manifest without a known platform in an index is for no host.
        let fitting = content.manifests.filter {
            !content.isIndex || content.isFor(instance.platform, $0) || content.isFor(engine, $0)
        }
        if content.isIndex, fitting.contains(where: { instance.registryDigests.contains($0.digest) }) {
            return .matchPlatform
        }
        if isWrapped(instance, content) { return .matchIndex }
        let isSameContent = fitting.contains { $0.config.map(instance.configDigests.contains) ?? false }
        return isSameContent ? .matchConfig : nil
    }

    /// True if a digest of the instance is another index with the promoted manifest for the instance's platform.
    private func isWrapped(_ instance: BuildEvidence.Instance, _ content: PromotedContent) -> Bool {
        let promoted = content.manifests.filter { content.isFor(instance.platform, $0) }.map(\.digest)
        return instance.registryDigests.contains { (digest: Digest) -> Bool in
            guard let other = lookups.known[digest], other.isIndex else { return false }
            return other.manifests.contains { manifest in
                other.isFor(instance.platform, manifest) && promoted.contains(manifest.digest)
            }
        }
    }

    /// True if the instance has a digest of a kind that the target also has.
    private func isComparable(_ instance: BuildEvidence.Instance) -> Bool {
        if instance.isFromRegistry, !instance.registryDigests.isEmpty { return true }
        let configs = target.content?.manifests.compactMap(\.config) ?? []
        return !configs.isEmpty && !instance.configDigests.isEmpty
    }

    /// The newest other promotion of this build, as `behind` or `ahead`.
    private func generation(gitSHA: GitSHA?, digests: Set<Digest>) -> BuildComparison? {
        let found = promotions.last { promotion in
            promotion.generation != target.generation
                && ((gitSHA != nil && promotion.gitSHA == gitSHA) || (promotion.digest.map(digests.contains) ?? false))
        }
        guard let found else { return nil }
        let isLater = target.generation.map { found.generation > $0 } ?? false
        return BuildComparison(fact: isLater ? .ahead : .behind, detail: .generation(found.generation))
    }
}

extension PromotedContent {
    /// True if a manifest is for this exact platform. False if either platform is unknown.
    fileprivate func isFor(_ platform: Platform?, _ manifest: Manifest) -> Bool {
        manifest.platform != nil && manifest.platform == platform
    }
}

extension ProbeResult {
    /// True if the service answered without its commit.
    var tellsNoCommit: Bool { outcome == .ok && agreement(with: []) == .silent }
}

extension BuildFact {
    /// The number of steps between the promoted digest and the proof.
    fileprivate var directness: Int {
        switch self {
        case .match, .matchSHA: 0
        case .matchPlatform: 1
        case .matchIndex: 2
        case .matchConfig: 3
        case .behind, .ahead, .foreign, .digestWrong, .shaWrong, .mixed, .unidentified, .unknown: 4
        }
    }
}
