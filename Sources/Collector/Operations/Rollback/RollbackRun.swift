package import CollectorSupport
import Foundation
package import Gate
import Inventory
package import Ledger
package import Registry
import Reports
package import Shared
package import Verdict

/// Puts a tag back to an earlier build: kill switch, journal, PUT, readback, journal, verification. CI is not asked, because the
/// build was promoted before.
package struct RollbackRun: Sendable {
    private let id: String
    private let service: DeployedService
    /// Repository and tag.
    private let target: ImageReference
    /// A generation, a commit or a digest; nil for the last proven build before the present one.
    private let wanted: String?
    /// One line.
    private let actor: String
    private let killSwitch: KillSwitch
    private let registry: RegistryClient
    private let ledger: Ledger
    private let log: PromotionLog
    private let interruption: SignalCancellation
    /// nil with `--no-verify`. Its target is completed here.
    private let verification: VerificationRun?
    /// The timeout for all requests of one step.
    private let timeout: Duration
    /// How long an acknowledged change may take to appear.
    private let readbackTimeout: Duration
    /// Prints the pin at the end, if the tag is the build then.
    private let announce: @Sendable (String) -> Void

    package init(
        id: String, service: DeployedService, target: ImageReference, wanted: String?, actor: String,
        killSwitch: KillSwitch,
        registry: RegistryClient, ledger: Ledger, log: PromotionLog, interruption: SignalCancellation,
        verification: VerificationRun?, timeout: Duration, readbackTimeout: Duration,
        announce: @escaping @Sendable (String) -> Void
    ) {
        self.id = id
        self.service = service
        self.target = target
        self.wanted = wanted
        self.actor = actor
        self.killSwitch = killSwitch.holdingRollback(of: "\(service)")
        self.registry = registry
        self.ledger = ledger
        self.log = log
        self.interruption = interruption
        self.verification = verification
        self.timeout = timeout
        self.readbackTimeout = readbackTimeout
        self.announce = announce
    }

    private struct Plan: Sendable {
        /// nil if the tag does not exist.
        let present: TagState?
        /// The present build in the ledger.
        let presentBuild: ProvenBuild?
        let build: RollbackTarget
        /// True if an earlier rollback to the present build has to be finished.
        let isUnfinished: Bool

        var isMove: Bool { present?.digest != build.digest }

        func text(_ target: ImageReference, _ verification: VerificationRun?) -> String {
            let then = verification.map { "then \($0.plan)" } ?? "then no verification"
            let move =
                isMove
                ? "would put \(target) back from \(from) to \(build.standing)"
                : "\(target) already is \(build.standing); nothing would be moved\(unfinishedNote)"
            return [move, then, "nothing was written"].map { "\($0)\n" }.joined()
        }

        var unfinishedNote: String {
            isUnfinished
                ? ". The rollback to it was never proven and is finished first; to go further back, name a build with --to"
                : ""
        }

        var from: String {
            guard let present else { return "nothing" }
            return "\(present.name) (\(presentBuild?.standing ?? "not in the ledger"))"
        }
    }

    /// For example `of :latest in staging`.
    package var object: String { "of :\(target.effectiveTag ?? "")\(service.place)" }

    private struct Progress {
        var plan: Plan?
        var mayHaveWritten = false
        /// The effect on the tag once it is known.
        var effect: PromotionRecord.Outcome?
    }

    /// - Throws: ``PromotionFailure``, or a report's error.
    package func run() async throws -> PromotionResult {
        var progress = Progress()
        do {
            return try await putBack(&progress)
        } catch PromotionError.interrupted(let signal, let text, let effect) {
            log.record(.tag, text)
            guard var run = verification else {
                let code = ExitStatus.interrupted(by: signal).rawValue
                return PromotionResult(
                    exitCode: code,
                    end: CommandEnd(.rollback, .interrupted, exitCode: code, effect: effect, message: text))
            }
            if let build = progress.plan?.build {
                (run.target.gitSHA, run.target.digest) = (build.gitSHA, build.digest)
            }
            let outcome = try await run.interrupted(signal: signal, because: text)
            let report = try await run.publish(
                outcome, promotion: record(progress.plan, effect: effect), showsText: false)
            if let pin = report.pin { announce(pin) }
            return PromotionResult(exitCode: report.exitCode)
        } catch let error as ReportWriteError {
            throw error
        } catch {
            guard let error = error as? any ExitCoded else { throw error }
            guard !progress.mayHaveWritten || error.wroteNothing else {
                throw PromotionFailure(
                    reason: error, effect: progress.effect ?? .unknown, message: nil, object: object)
            }
            var present = progress.plan?.present.map { "is still \($0.name)" }
            if case PromotionError.underWay = error { present = nil }
            let message = "nothing was changed: \(target) \(present ?? "was not written")"
            log.record(.tag, message)
            throw PromotionFailure(
                reason: error, effect: .unchanged, message: message, object: object,
                tagBuild: present == nil ? "" : progress.plan?.present?.full ?? "")
        }
    }

    /// Reads everything and writes nothing.
    package func dryRun() async throws -> String {
        do {
            let plan = try await interruption.guarding("\(target) was put back") { try await prepare(settles: false) }
            return plan.text(target, verification)
        } catch {
            guard let error = error as? any ExitCoded else { throw error }
            throw PromotionFailure(
                reason: error, effect: .unchanged, message: "nothing was changed: this is a dry run", object: object)
        }
    }

    private func putBack(_ progress: inout Progress) async throws -> PromotionResult {
        let change = "\(target) was put back"
        let plan = try await interruption.guarding(change) { try await prepare(settles: true) }
        progress.plan = plan
        let mover = TagMover(
            registry: registry, ledger: ledger, killSwitch: killSwitch, log: log, timeout: timeout,
            readbackTimeout: readbackTimeout, interruption: interruption)
        let build = plan.build
        var generation: Int?
        let effect: PromotionRecord.Outcome = plan.isMove ? .moved : .unchanged
        if plan.isMove {
            progress.mayHaveWritten = true
            let entry = try await interruption.guarding(change, writes: true) {
                try await mover.restore(build, as: intent(plan), to: target)
            }
            generation = entry.generation
            log.record(
                .tag,
                "\(target) is \(build.digest), read back: put back from \(plan.from) to \(build.standing), as promotion no. "
                    + "\(entry.generation) of \(service)")
        } else {
            log.record(.tag, "\(target) already is \(build.standing); nothing was moved\(plan.unfinishedNote)")
        }
        progress.effect = effect
        if verification == nil { announce(pin(plan)) }
        if let signal = interruption.signal {
            throw PromotionError.interrupted(
                signal: signal, "interrupted after \(target) was put back: not verified; run verify", effect)
        }
        guard var run = verification else {
            return PromotionResult(
                exitCode: ExitStatus.success.rawValue,
                end: CommandEnd(
                    .rollback, .notVerified, exitCode: ExitStatus.success.rawValue, effect: effect,
                    message: "no host was asked (--no-verify)",
                    tag: "\(target) \(plan.isMove ? "is" : "already was") \(build.standing)"))
        }
        run.target = await mover.verificationTarget(of: build, in: target, service: service, generation: generation)
        run.change = .rollback
        run.learner = registry.learner(in: target)
        run.tag = TagWatch(
            reference: target, client: registry, former: plan.isMove ? plan.present?.digest : nil,
            isFormerKnown: plan.isMove, timeout: readbackTimeout)
        let outcome = try await run.verify()
        let report = try await run.publish(outcome, promotion: record(plan, effect: effect), notes: log.warnings)
        if let pin = report.pin { announce(pin) }
        return PromotionResult(exitCode: report.exitCode)
    }

    private func prepare(settles: Bool) async throws -> Plan {
        if verification?.remote == nil { try await verification?.requireStart() }
        try await killSwitch.requireOff(before: .now + timeout, log)
        let recovered = try await InterruptedPromotionRecovery(
            registry: registry.until(.now + timeout), ledger: ledger, log: log, readbackTimeout: readbackTimeout
        ).settle(tag: target, now: Date(), settles: settles)
        let present = try await present(recovered)
        var history = BuildHistory(
            builds: try await ledger.builds(
                of: service, repository: target.repository, tag: target.effectiveTag ?? ""))
        if !settles, let recovered, recovered.state == .moved, recovered.intent.service == service {
            history.builds.append(ProvenBuild(recovered))
        }
        let presentBuild = history.builds.last { $0.digest == present?.digest }
        let registry = registry.until(.now + timeout)
        let finder = RollbackTargetFinder(registry: registry, ledger: ledger, log: log, keeps: settles)
        let build = try await finder.complete(try await choose(history, present, registry), in: target)
        guard build.image != nil else { throw RollbackError.gone(build.standing) }
        if var run = verification, run.remote != nil {
            // A service is asked about a build.
            (run.target.gitSHA, run.target.digest, run.change) = (build.gitSHA, build.digest, .rollback)
            try await run.requireStart()
        }
        if settles, let present, present.digest != build.digest {
            _ = try await finder.keep(present.digest, in: target)
        }
        let plan = Plan(
            present: present, presentBuild: presentBuild, build: build,
            isUnfinished: wanted == nil && build.digest == present?.digest)
        log.record(.registry, "\(target) is \(plan.from)")
        return plan
    }

    /// The tag's present image, checked against the ledger in case a replica of the registry lags.
    private func present(_ recovered: JournalEntry?) async throws -> TagState? {
        let reading = try await TagStateReader(
            registry: registry, ledger: ledger, log: log, interruption: interruption, timeout: timeout
        ).read(
            target, recovered: recovered,
            patience: wanted == nil ? readbackTimeout : min(readbackTimeout, .seconds(10)))
        // Without a certain present build, the build before it is uncertain, too.
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
            // A full digest identifies an image without any ledger.
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
            source: wanted ?? plan.build.digest.description, gitSHA: plan.build.gitSHA, digest: plan.build.digest,
            formerDigest: plan.present?.digest, formerGitSHA: plan.present?.gitSHA, actor: actor, contexts: [:],
            permission: wanted.map { "rollback --to \(Sanitizer.singleLine($0, limit: 100))" } ?? "rollback",
            intendedAt: Date().rfc3339)
    }

    /// - Parameter plan: nil if no build was chosen.
    private func record(_ plan: Plan?, effect: PromotionRecord.Outcome) -> PromotionRecord {
        PromotionRecord(
            id: id, kind: .rollback, image: "\(target)", source: wanted ?? plan?.build.digest.description ?? "",
            digest: plan?.build.digest, isMoved: effect == .moved, outcome: effect,
            formerDigest: plan?.present?.digest, formerGitSHA: plan?.present?.gitSHA, actor: actor, contexts: [:],
            pin: plan.map(pin) ?? "", steps: log.steps)
    }

    private func pin(_ plan: Plan) -> String {
        ImagePin(service: service.name, tag: target.effectiveTag ?? "", digest: plan.build.digest).description
    }
}

/// The reason that a tag is not put back: a mistake on the command line, or a build that is gone.
enum RollbackError: ExitCoded, Hashable {
    /// The reason, and a list of the known builds.
    case notChosen(String, String)
    case gone(String)

    var exitStatus: ExitStatus { .usage }

    var description: String {
        switch self {
        case .notChosen(let reason, let known): "\(reason): name one with --to; known are \(known)"
        case .gone(let build):
            "cannot put back \(build): neither the registry nor the ledger has its manifests; name another build with --to"
        }
    }
}

extension ProvenBuild {
    /// A change that was found to be done, and is not settled in the ledger.
    fileprivate init(_ entry: JournalEntry) {
        self.init(
            generation: entry.generation, digest: entry.intent.digest, gitSHA: entry.intent.gitSHA,
            at: entry.intent.intendedAt, isRollback: entry.intent.kind == .rollback)
    }
}
