package import CollectorSupport
import Foundation
package import Gate
import Inventory
package import Ledger
package import Registry
import Reports
package import Shared
import Verdict

/// Puts a tag back to a build that it was: kill switch, journal, PUT, read back, journal, verification. No CI is asked, since
/// the build was promoted before.
package struct RollbackRun: Sendable {
    package let id: String
    package let service: String
    /// Repository and tag.
    package let target: ImageReference
    /// A generation, a commit or a digest; nil for the last proven build before the present one.
    package let wanted: String?
    /// One line.
    package let actor: String
    package let killSwitch: KillSwitch
    package let registry: RegistryClient
    package let ledger: Ledger
    package let narrator: PromotionLog
    package let interruption: SignalCancellation
    /// nil where nothing is verified. Its target is completed here.
    package let verification: VerificationRun?
    /// For all requests of one step together.
    package var timeout = Duration.seconds(60)
    /// How long what the registry acknowledged may take to show.
    package var readbackTimeout = Duration.seconds(60)
    /// Says the pin, ready to be pasted.
    var announce: @Sendable (String) -> Void = { _ in }

    package init(
        id: String, service: String, target: ImageReference, wanted: String?, actor: String, killSwitch: KillSwitch,
        registry: RegistryClient, ledger: Ledger, narrator: PromotionLog, interruption: SignalCancellation,
        verification: VerificationRun?, timeout: Duration = Duration.seconds(60),
        readbackTimeout: Duration = Duration.seconds(60), announce: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.id = id
        self.service = service
        self.target = target
        self.wanted = wanted
        self.actor = actor
        self.killSwitch = killSwitch
        self.registry = registry
        self.ledger = ledger
        self.narrator = narrator
        self.interruption = interruption
        self.verification = verification
        self.timeout = timeout
        self.readbackTimeout = readbackTimeout
        self.announce = announce
    }

    /// What would be done.
    struct Plan: Sendable {
        /// nil where the tag is nothing.
        var present: TagState?
        /// The present build as the ledger knows it.
        var presentBuild: ProvenBuild?
        var wayBack: RollbackTarget
        /// Whether an earlier rollback to the present build is to be finished.
        var isUnfinished = false

        var isThere: Bool { present?.digest == wayBack.digest }

        func text(_ target: ImageReference, hosts: Int?) -> String {
            let then = hosts.map { "then verify \($0.hostCount)" } ?? "then verify no host"
            let move =
                isThere
                ? "would leave \(target) at \(wayBack.standing), which it is already\(unfinished)"
                : "would put \(target) back from \(from) to \(wayBack.standing)"
            return [move, then, "nothing was written"].map { "\($0)\n" }.joined()
        }

        /// Behind what the tag is already.
        fileprivate var unfinished: String {
            isUnfinished
                ? ": the rollback to it was not proven since, so that it is finished first; to go further back, name a build "
                    + "with --to" : ""
        }

        fileprivate var from: String {
            guard let present else { return "nothing" }
            let name = present.gitSHA?.short ?? present.digest.short
            return "\(name) (\(presentBuild?.standing ?? "no promotion of it is known"))"
        }
    }

    /// - Returns: the exit code: 0 where nothing was to be verified, else the verdict's.
    /// - Throws: why nothing was put back, or why it is not known.
    package func run() async throws -> Int32 {
        var plan: Plan?
        do {
            return try await putBack(&plan)
        } catch PromotionError.interrupted(let signal, let text) {
            guard var run = verification else { throw PromotionError.interrupted(signal: signal, text) }
            if let wayBack = plan?.wayBack {
                (run.target.gitSHA, run.target.digest) = (wayBack.gitSHA, wayBack.digest)
            }
            narrator.say(.tag, text)
            let story = plan.map { self.story($0, isMoved: false) }
            return try await run.unasked(signal: signal, because: text) { $0.promotion = story }.exitCode
        }
    }

    /// Reads everything and writes nothing.
    package func dryRun() async throws -> String {
        let plan = try await interruption.guarding("\(target) was put back") { try await prepare(settles: false) }
        return plan.text(target, hosts: verification?.inventory.hosts.count)
    }

    private func putBack(_ known: inout Plan?) async throws -> Int32 {
        let what = "\(target) was put back"
        let plan = try await interruption.guarding(what) { try await prepare(settles: true) }
        known = plan
        let mover = TagMover(
            registry: registry, ledger: ledger, killSwitch: killSwitch, narrator: narrator, timeout: timeout,
            readbackTimeout: readbackTimeout, interruption: interruption)
        let back = TagReturn(mover: mover, target: target)
        let wayBack = plan.wayBack
        var generation: Int?
        if plan.isThere {
            narrator.say(.tag, "\(target) already is \(wayBack.standing), and nothing is moved\(plan.unfinished)")
        } else {
            let entry = try await interruption.guarding(what) {
                try await back.go(to: wayBack, as: intent(plan))
            }
            generation = entry.generation
            narrator.say(
                .tag,
                "\(target) is \(wayBack.digest), read back: put back from \(plan.from) to \(wayBack.standing), as generation "
                    + "\(entry.generation) of \(service)")
        }
        announce("CANVAS_IMAGE_TAG=\(target.effectiveTag ?? "")@\(wayBack.digest)")
        if let signal = interruption.signal {
            throw PromotionError.interrupted(
                signal: signal, "interrupted after \(target) was put back: the fleet is not verified, run verify")
        }
        guard var run = verification else { return 0 }
        run.target = await back.verified(wayBack, service: service, generation: generation)
        run.learner = registry.learner(in: target)
        run.tag = TagWatch(
            reference: target, client: registry, former: plan.isThere ? nil : plan.present?.digest,
            isFormerKnown: !plan.isThere, timeout: readbackTimeout)
        run.afterwards = { report in
            var report = report
            report.promotion = story(plan, isMoved: !plan.isThere)
            report.warnings += narrator.steps.filter { $0.step == PromotionStep.wayBack.rawValue }.map(\.said)
            do {
                try await ledger.finish(report)
            } catch {
                report.warnings.append("the ledger could not record the story of this rollback: \(error)")
            }
            return report
        }
        return try await run.run().exitCode
    }

    private func prepare(settles: Bool) async throws -> Plan {
        if let refusal = try await verification?.refusal().0, refusal.exitCode != 0 {
            throw PromotionError.inventory(refusal)
        }
        try await killSwitch.requireOff(before: .now + timeout)
        narrator.say(.killSwitch, "off: \(killSwitch.sources.map(\.description).joined(separator: ", "))")
        let leftover = try await InterruptedPromotionRecovery(
            registry: registry.until(.now + timeout), ledger: ledger, narrator: narrator,
            readbackTimeout: readbackTimeout
        )
        .settle(tag: target, now: Date(), settles: settles)
        let present = try await present(leftover)
        var history = BuildHistory(
            builds: try await ledger.builds(
                service: service, repository: target.repository, tag: target.effectiveTag ?? ""))
        if !settles, let leftover, leftover.state == .moved { history.builds.append(ProvenBuild(leftover)) }
        let presentBuild = history.builds.last { $0.digest == present?.digest }
        let registry = self.registry.until(.now + timeout)
        let finder = RollbackTargetFinder(registry: registry, ledger: ledger, narrator: narrator, keeps: settles)
        let wayBack = try await finder.complete(try await choose(history, present, registry), in: target)
        guard wayBack.image != nil else { throw RollbackError.gone(wayBack.standing) }
        if settles, let present, present.digest != wayBack.digest {
            _ = try await finder.keep(present.digest, in: target)
        }
        let isUnfinished = wanted == nil && wayBack.digest == present?.digest
        let plan = Plan(
            present: present, presentBuild: presentBuild, wayBack: wayBack, isUnfinished: isUnfinished)
        narrator.say(.registry, "\(target) is \(plan.from)")
        return plan
    }

    /// What the tag is, past copies of the registry that lag behind the ledger.
    private func present(_ leftover: JournalEntry?) async throws -> TagState? {
        let reading = try await TagRecord(
            registry: registry, ledger: ledger, narrator: narrator, interruption: interruption, timeout: timeout
        ).read(target, leftover, patience: wanted == nil ? readbackTimeout : min(readbackTimeout, .seconds(10)))
        // Which build is the one before the present one is not known while it is not known which one is present.
        if wanted == nil, let entry = reading.contradicted, let image = reading.image {
            throw PromotionError.movedBack("\(target)", to: image.digest, since: entry)
        }
        return reading.image
    }

    private func choose(
        _ history: BuildHistory, _ present: TagState?, _ registry: RegistryClient
    ) async throws -> RollbackTarget {
        guard let wanted else {
            let build = history.unprovenRollback(at: present?.digest) ?? history.lastProven(before: present?.digest)
            guard let build else {
                throw RollbackError.notChosen(BuildHistory.Failure.nothingProven.description, history.list())
            }
            return RollbackTarget(digest: build.digest, gitSHA: build.gitSHA, build: build)
        }
        do throws(BuildHistory.Failure) {
            let build = try history.named(wanted)
            return RollbackTarget(digest: build.digest, gitSHA: build.gitSHA, build: build)
        } catch {
            // A whole digest names an image without any ledger.
            guard case .unknown = error, let digest = Digest(contractText: wanted) else {
                throw RollbackError.notChosen("\(error)", history.list())
            }
            let image = try await registry.resolve(target.with(digest: digest))
            return RollbackTarget(digest: digest, gitSHA: try image.revision())
        }
    }

    private func intent(_ plan: Plan) -> JournalEntry.Intent {
        JournalEntry.Intent(
            id: id, kind: .rollback, service: service, repository: target.repository, tag: target.effectiveTag ?? "",
            source: wanted ?? plan.wayBack.digest.description, gitSHA: plan.wayBack.gitSHA, digest: plan.wayBack.digest,
            formerDigest: plan.present?.digest, formerGitSHA: plan.present?.gitSHA, actor: actor, contexts: [:],
            permission: wanted == nil ? "rollback" : "rollback --to \(Sanitizer.singleLine(wanted ?? "", limit: 100))",
            intendedAt: Date().rfc3339)
    }

    private func story(_ plan: Plan, isMoved: Bool) -> PromotionRecord {
        PromotionRecord(
            id: id, kind: .rollback, image: "\(target)", source: wanted ?? plan.wayBack.digest.description,
            digest: plan.wayBack.digest, isMoved: isMoved, formerDigest: plan.present?.digest,
            formerGitSHA: plan.present?.gitSHA, actor: actor, contexts: [:],
            pin: "CANVAS_IMAGE_TAG=\(target.effectiveTag ?? "")@\(plan.wayBack.digest)", steps: narrator.steps)
    }
}

/// Why a tag is not put back: a mistake in what was asked for, or a build that is gone.
enum RollbackError: ExitCoded, Hashable {
    /// Why, and the builds that there are.
    case notChosen(String, String)
    case gone(String)

    var exitStatus: ExitStatus { .usage }

    var description: String {
        switch self {
        case .notChosen(let reason, let known): "\(reason): name one with --to; known are \(known)"
        case .gone(let build):
            "\(build) cannot be put back: neither the registry nor the ledger has its manifests; name another build with --to"
        }
    }
}

extension ProvenBuild {
    /// A change that is not settled in the ledger, and was found to be done.
    fileprivate init(_ entry: JournalEntry) {
        self.init(
            generation: entry.generation, digest: entry.intent.digest, gitSHA: entry.intent.gitSHA,
            at: entry.intent.intendedAt, isRollback: entry.intent.kind == .rollback)
    }
}

extension SignalCancellation {
    /// Does a step of a promotion or rollback that a signal cuts short.
    ///
    /// - Parameter what: what has not happened as long as the step is not done, for example `latest was moved`.
    /// - Throws: what the step throws; where a signal came, ``PromotionError/interrupted(signal:_:)``.
    func guarding<Value: Sendable>(
        _ what: String, _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let result = await watching { () -> Result<Value, any Error> in
            do { return .success(try await work()) } catch { return .failure(error) }
        }
        guard case .failure(let error) = result, let signal else { return try result.get() }
        // Cut short, a request fails in whatever way: what matters is that somebody wanted it to end.
        switch error {
        case PromotionError.uncertain, PromotionError.notShown:
            throw PromotionError.interrupted(signal: signal, "interrupted: \(error)")
        case let error as PromotionError: throw error
        case GateError.interrupted(_, let text):
            throw PromotionError.interrupted(signal: signal, "\(text), before \(what)")
        case let error as GateError: throw error
        default: throw PromotionError.interrupted(signal: signal, "interrupted before \(what)")
        }
    }
}
