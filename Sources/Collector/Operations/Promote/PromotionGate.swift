import Foundation
package import Gate
package import Ledger
package import Registry
import Reports
import Shared
import Verdict

/// The gate in front of a promotion: kill switch, CI, supersession and registry, in this order. It changes nothing.
package struct PromotionGate: Sendable {
    let request: PromotionRequest
    let killSwitch: KillSwitch
    /// nil with `--no-ci`.
    let ci: CIWaiter?
    /// nil if none is configured.
    let forge: (any Forge)?
    /// The branch that must contain the commit; nil if none is configured.
    let branch: String?
    /// The rule by which newer commits of the branch supersede the commit.
    let supersededBy: SupersedingRule
    let registry: RegistryClient
    let ledger: Ledger?
    let log: PromotionLog
    /// The timeout of each step after CI.
    let timeout: Duration
    /// How long an acknowledged change may take to appear.
    let readbackTimeout: Duration
    /// A change of the tag that was interrupted and has just been settled.
    var recovered: JournalEntry?
    private let observe: @Sendable (CIEvent) -> Void

    package init(
        request: PromotionRequest, killSwitch: KillSwitch, ci: CIWaiter?, forge: (any Forge)?, branch: String?,
        supersededBy: SupersedingRule, registry: RegistryClient, ledger: Ledger?, log: PromotionLog, timeout: Duration,
        readbackTimeout: Duration, observe: @escaping @Sendable (CIEvent) -> Void
    ) {
        self.request = request
        self.killSwitch = killSwitch
        self.ci = ci
        self.forge = forge
        self.branch = branch
        self.supersededBy = supersededBy
        self.registry = registry
        self.ledger = ledger
        self.log = log
        self.timeout = timeout
        self.readbackTimeout = readbackTimeout
        self.observe = observe
    }

    /// The facts that the gate established.
    struct Passed: Sendable {
        let image: ResolvedImage
        /// nil if the tag does not exist yet.
        let former: TagState?
        /// The required contexts and their last states.
        let contexts: [String: String]
        /// The reason that the tag may move although the build does not descend from its present one; nil if it does.
        let permission: String?

        /// True if the tag has to be moved.
        var isMove: Bool { former?.digest != image.digest }
    }

    func pass() async throws -> Passed {
        try await killSwitch.requireOff(before: .now + timeout, log)
        let contexts = try await requireGreenCI()
        try await requireHead()
        try await requireLatestPromotion()
        let image = try await registry.until(.now + timeout).resolve(request.source)
        try image.require(request.gitSHA)
        log.record(.registry, "\(request.sourceName) is \(Self.describe(image))")
        let former = try await former()
        let permission = try await requireDescent(from: former, to: image)
        return Passed(image: image, former: former, contexts: contexts, permission: permission)
    }

    /// The tag's present image. If the tag has left that build according to the journal, another writer put it back.
    private func former() async throws -> TagState? {
        guard let ledger else { return try await registry.until(.now + timeout).tagged(request.target) }
        return try await TagStateReader(registry: registry, ledger: ledger, log: log, timeout: timeout)
            .read(request.target, recovered: recovered, patience: min(readbackTimeout, .seconds(10))).image
    }

    private func requireGreenCI() async throws(GateError) -> [String: String] {
        guard let ci else {
            log.record(.ci, "skipped because of --no-ci")
            return [:]
        }
        let result = await ci.wait(observe: observe)
        try result.requireGreen()
        // The progress display has shown it.
        log.record(.ci, result.reason, isShown: false)
        return Dictionary(result.contexts.map { ($0.name, $0.state) }, uniquingKeysWith: { first, _ in first })
    }

    private func requireHead() async throws {
        guard let forge, let branch else {
            log.record(.branch, "skipped: no branch is configured")
            return
        }
        let deadline = ContinuousClock.now + timeout
        if request.allowsRollback {
            log.record(.branch, "skipped because of --allow-rollback")
        } else if supersededBy == .candidate, request.namesCandidates {
            let found = try await forge.requireNoCandidate(after: request.gitSHA, of: branch, before: deadline) {
                commit in
                guard let candidate = request.candidate(of: commit) else { return true }
                return try await registry.until(deadline).isThere(candidate)
            }
            log.record(.branch, found)
        } else {
            try await forge.requireHead(request.gitSHA, of: branch, before: deadline)
            log.record(.branch, "\(Sanitizer.singleLine(branch, limit: 100)) is at \(request.gitSHA.short)")
        }
    }

    /// Requires that the ledger has no later promotion. A rollback does not count as one.
    private func requireLatestPromotion() async throws {
        guard let ledger, !request.allowsRollback else { return }
        let promotions = try await ledger.promotions(of: request.service)
        guard let own = promotions.last(where: { $0.gitSHA == request.gitSHA }) else { return }
        let later = promotions.last { $0.generation > own.generation && $0.change != .rollback }
        if let later { throw PromotionError.superseded(later, of: request.gitSHA, generation: own.generation) }
    }

    /// - Returns: the permission to move the tag although the build does not descend from its present one; nil if it does.
    private func requireDescent(
        from former: TagState?, to image: ResolvedImage
    ) async throws(GateError) -> String? {
        guard let former else {
            log.record(.ancestry, "\(request.target) does not exist yet")
            return nil
        }
        let name = "\(request.target) is \(former.digest.short)"
        guard former.digest != image.digest else {
            log.record(.ancestry, "\(request.target) already is \(former.digest.short)")
            return nil
        }
        guard !request.skipsAncestry || request.allowsRollback else {
            log.record(.ancestry, "\(name); not checked because of --skip-ancestry")
            return "--skip-ancestry"
        }
        let ancestry = await ancestry(from: former)
        let present = former.gitSHA?.short ?? "an unknown commit"
        switch TagMove.decide(
            from: former.gitSHA, to: request.gitSHA, ancestry, allowsRollback: request.allowsRollback)
        {
        case .forward:
            log.record(.ancestry, "\(name), of \(present), an ancestor of \(request.gitSHA.short)")
            return nil
        case .rollback(let reason):
            log.record(.ancestry, "\(name); allowed by --allow-rollback: \(reason)")
            return reason
        case .refused(let reason):
            throw .refused("\(name): \(reason)", by: ancestry == .notDescendant ? .ancestry : .unknownAncestry)
        }
    }

    private func ancestry(from former: TagState) async -> Ancestry {
        guard let present = former.gitSHA else { return .unknown("its image is not labelled with a commit") }
        guard present != request.gitSHA else { return .same }
        guard let forge else { return .noForge }
        return await forge.ancestry(of: request.gitSHA, from: present, before: .now + timeout)
    }

    private static func describe(_ image: ResolvedImage) -> String {
        let platforms = image.entries.map(\.shownPlatform).joined(separator: ", ")
        let commit = image.entries.first?.revision?.short ?? "no commit"
        return "\(image.digest.short), \(image.isIndex ? "an index" : "a manifest") of \(commit) for "
            + Sanitizer.singleLine(platforms, limit: 200)
    }
}

extension KillSwitch {
    /// Requires that the switch is off, and records that.
    func requireOff(before deadline: ContinuousClock.Instant, _ log: PromotionLog) async throws {
        try await requireOff(before: deadline)
        log.record(.killSwitch, "off: \(sources.map(\.description).joined(separator: ", "))")
    }
}
