import Foundation
package import Gate
package import Ledger
package import Registry
import Reports
import Shared
package import Verdict

/// The gate in front of a promotion, in its order: kill switch, CI, not superseded, registry. Changes nothing.
package struct PromotionGate: Sendable {
    package var order: PromotionRequest
    package let killSwitch: KillSwitch
    /// nil where it was said that CI is not asked.
    package let ci: CIWaiter?
    /// nil where there is none to ask.
    package let forge: (any Forge)?
    /// The branch whose history must have the commit; nil where none is named.
    package let branch: String?
    /// What on the branch supersedes the commit.
    package var supersededBy = SupersedingRule.candidate
    package let registry: RegistryClient
    package let ledger: Ledger?
    package let narrator: PromotionLog
    /// For each of the steps after CI.
    package var timeout = Duration.seconds(60)
    /// How long what the registry acknowledged may take to show.
    package var readbackTimeout = Duration.seconds(60)
    /// A change of the tag that was cut off, and settled right now.
    var leftover: JournalEntry?
    package var observe: @Sendable (CIEvent) -> Void = { _ in }

    package init(
        order: PromotionRequest, killSwitch: KillSwitch, ci: CIWaiter?, forge: (any Forge)?, branch: String?,
        supersededBy: SupersedingRule = SupersedingRule.candidate, registry: RegistryClient, ledger: Ledger?,
        narrator: PromotionLog, timeout: Duration = Duration.seconds(60),
        readbackTimeout: Duration = Duration.seconds(60), leftover: JournalEntry? = nil,
        observe: @escaping @Sendable (CIEvent) -> Void = { _ in }
    ) {
        self.order = order
        self.killSwitch = killSwitch
        self.ci = ci
        self.forge = forge
        self.branch = branch
        self.supersededBy = supersededBy
        self.registry = registry
        self.ledger = ledger
        self.narrator = narrator
        self.timeout = timeout
        self.readbackTimeout = readbackTimeout
        self.leftover = leftover
        self.observe = observe
    }

    /// What the gate let through, frozen.
    struct Passed: Sendable {
        var image: ResolvedImage
        /// nil where the tag is nothing yet.
        var former: TagState?
        /// The required contexts and their last states.
        var contexts: [String: String]
        /// Why the tag may go where it does not descend from, if it does.
        var permission: String?
    }

    func pass() async throws -> Passed {
        try await killSwitch.requireOff(before: .now + timeout)
        narrator.say(.killSwitch, "off: \(killSwitch.sources.map(\.description).joined(separator: ", "))")
        let contexts = try await green()
        try await requireHead()
        try await requireLast()
        let registry = registry.until(.now + timeout)
        let image = try await registry.resolve(order.source)
        try image.require(order.gitSHA)
        narrator.say(.registry, "\(order.sourceName) is \(Self.describe(image))")
        let former = try await former()
        let permission = try await requireDescent(from: former, to: image)
        return Passed(image: image, former: former, contexts: contexts, permission: permission)
    }

    /// What the tag is. Where it stays what the ledger saw it leave, somebody put it back: that is descended from, too.
    private func former() async throws -> TagState? {
        guard let ledger else { return try await registry.until(.now + timeout).tagged(order.target) }
        return try await TagRecord(registry: registry, ledger: ledger, narrator: narrator, timeout: timeout)
            .read(order.target, leftover, patience: min(readbackTimeout, .seconds(10))).image
    }

    private func green() async throws(GateError) -> [String: String] {
        guard let ci else {
            narrator.say(.ci, "not asked, because of --no-ci")
            return [:]
        }
        let result = await ci.wait(observe: observe)
        try result.requireGreen()
        // The progress has said so.
        narrator.say(.ci, result.reason, isShown: false)
        return Dictionary(result.contexts.map { ($0.name, $0.state) }, uniquingKeysWith: { first, _ in first })
    }

    private func requireHead() async throws {
        guard let forge, let branch else {
            narrator.say(.branch, "not asked: no branch is named")
            return
        }
        let deadline = ContinuousClock.now + timeout
        if order.allowsRollback {
            narrator.say(.branch, "not asked, because of --allow-rollback")
        } else if supersededBy == .candidate, order.namesCandidates {
            let found = try await forge.requireNoCandidate(after: order.gitSHA, of: branch, before: deadline) {
                commit in
                guard let candidate = order.candidate(of: commit) else { return true }
                return try await registry.until(deadline).isThere(candidate)
            }
            narrator.say(.branch, found)
        } else {
            try await forge.requireHead(order.gitSHA, of: branch, before: deadline)
            narrator.say(.branch, "\(Sanitizer.singleLine(branch, limit: 100)) is at \(order.gitSHA.short)")
        }
    }

    /// The ledger's side of "not superseded". To be put back does not make a build a later one.
    private func requireLast() async throws {
        guard let ledger else { return }
        let promotions = try await ledger.promotions(service: order.service)
        let own = promotions.last { $0.gitSHA == order.gitSHA }
        guard let own, !order.allowsRollback else { return }
        let later = promotions.last { $0.generation > own.generation && $0.change != .rollback }
        if let later { throw PromotionError.superseded(later, of: order.gitSHA, generation: own.generation) }
    }

    /// - Returns: why the tag may go where it does not descend from, if it does.
    private func requireDescent(
        from former: TagState?, to image: ResolvedImage
    ) async throws(GateError) -> String? {
        guard let former else {
            narrator.say(.ancestry, "\(order.target) is nothing yet")
            return nil
        }
        let name = "\(order.target) is \(former.digest.short)"
        guard former.digest != image.digest else {
            narrator.say(.ancestry, "\(name) already")
            return nil
        }
        guard !order.skipsAncestry else {
            narrator.say(.ancestry, "\(name); not checked, because of --skip-ancestry")
            return "--skip-ancestry"
        }
        let ancestry = await ancestry(from: former)
        let present = former.gitSHA?.short ?? "an unknown commit"
        switch TagMove.decide(
            from: former.gitSHA, to: order.gitSHA, ancestry, allowsRollback: order.allowsRollback)
        {
        case .forward:
            narrator.say(.ancestry, "\(name), of \(present), which \(order.gitSHA.short) descends from")
            return nil
        case .rollback(let reason):
            narrator.say(.ancestry, "\(name); permitted by --allow-rollback: \(reason)")
            return reason
        case .refused(let reason): throw .refused("\(name): \(reason)")
        }
    }

    private func ancestry(from former: TagState) async -> Ancestry {
        guard let present = former.gitSHA else { return .unknown("the present image does not state its commit") }
        guard present != order.gitSHA else { return .same }
        guard let forge else { return .unknown("no forge is named") }
        return await forge.ancestry(of: order.gitSHA, from: present, before: .now + timeout)
    }

    static func describe(_ image: ResolvedImage) -> String {
        let platforms = image.entries.map(\.shownPlatform).joined(separator: ", ")
        let commit = image.entries.first?.revision?.short ?? "no commit"
        return "\(image.digest.short), \(image.isIndex ? "an index" : "a manifest") of \(commit) for "
            + Sanitizer.singleLine(platforms, limit: 200)
    }
}
