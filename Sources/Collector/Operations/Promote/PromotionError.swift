package import CollectorSupport
import Foundation
import Gate
import Registry
package import Reports
package import Shared
import Synchronization
import Verdict

/// The reason that a promotion or rollback ended before its verification.
enum PromotionError: ExitCoded, Hashable {
    /// Another change of the tag is in progress.
    case underWay(JournalEntry, isSeen: Bool)
    /// The tag is neither the intended nor the former build: another writer moves it.
    case contested(String, found: Digest?, intended: Digest)
    /// The tag still shows a build that it has left according to the ledger.
    case movedBack(String, to: Digest, since: JournalEntry)
    /// The registry acknowledged the change, but the tag does not show it; the journal keeps it open.
    case notShown(String, found: Digest?, after: Duration)
    /// The outcome of the write is unknown; the journal keeps it open, and the next run settles it.
    case uncertain(String, reason: String)
    /// The ledger has a later promotion of the service.
    case superseded(Promotion, of: GitSHA, generation: Int)
    /// The inventory was refused, so a promotion could not be verified.
    case inventory(Conclusion)
    case interrupted(signal: Int32, String, PromotionRecord.Outcome)

    var exitStatus: ExitStatus {
        switch self {
        case .underWay, .contested, .movedBack: .refused
        case .notShown, .uncertain: .unavailable
        case .superseded: .superseded
        case .inventory(let conclusion): ExitStatus(rawValue: conclusion.exitCode) ?? .inventory
        case .interrupted(let signal, _, _): .interrupted(by: signal)
        }
    }

    var description: String {
        switch self {
        case .underWay(let entry, let isSeen):
            "another change of \(entry.intent.repository):\(entry.intent.tag) is in progress (\(entry.intent.id), by "
                + "\(Sanitizer.singleLine(entry.intent.actor, limit: 200)), since \(entry.intent.intendedAt)"
                + (isSeen ? "" : ", in a process that is not visible from here") + "): wait until it ends"
        case .contested(let tag, let found, let intended):
            "\(tag) is \(found?.description ?? "missing"), neither \(intended.short) nor its former build: another writer moves "
                + "it. Find out who (resolve \(tag)) before you promote again"
        case .movedBack(let tag, let found, let entry):
            "\(tag) is \(found.short), but the last change in the ledger moved it to "
                + "\(entry.intent.name) \(entry.intent.digest.short) (\(entry.intent.kind.rawValue) \(entry.intent.id), "
                + "\(entry.settledAt ?? entry.intent.intendedAt)): either someone has moved the tag since, or a replica of the "
                + "registry lags. Find out which; to roll back anyway, name the build with --to"
        case .notShown(let tag, let found, let time):
            "the registry acknowledged the change of \(tag), but after \(time.brief) the tag still is "
                + "\(found?.short ?? "missing"): a replica may lag (--readback-timeout), or the registry may discard what it "
                + "acknowledges. \(Self.staysOpen)"
        case .uncertain(let tag, let reason):
            "cannot tell whether \(tag) was moved (\(reason)). \(Self.staysOpen)"
        case .superseded(let later, let sha, let generation):
            "commit \(sha.short) was promotion no. \(generation), and promotion no. \(later.generation) "
                + "(\(later.gitSHA?.short ?? later.digest?.short ?? "another build")) followed it: promote a newer build, or "
                + "give --allow-rollback to go back"
        case .inventory(let conclusion):
            "not promoting a build that could not be verified: \(conclusion.reasons.first?.message ?? conclusion.verdict.rawValue)"
        case .interrupted(_, let text, _): text
        }
    }

    private static let staysOpen =
        "The journal keeps the change open; the next promote or rollback determines its outcome"
}

extension PromotionError: NextStep {
    /// What to do next if the cause decides it.
    var next: String? {
        switch self {
        case .contested(let tag, _, _): "Find out who moves \(tag) (resolve) before you run this again."
        case .movedBack(let tag, _, _): "Find out what \(tag) is and who moved it (resolve) before you run this again."
        case .underWay: "Wait until the other change has ended, then run the job again."
        case .superseded: "Nothing to do, unless this build is to replace the newer one: then run rollback."
        case .notShown, .uncertain, .inventory, .interrupted: nil
        }
    }
}

extension PromotionError: InventoryRefusal {
    var verdict: String? {
        if case .inventory(let conclusion) = self { conclusion.verdict.rawValue } else { nil }
    }
}

/// An error of a promotion or rollback, with its effect on the tag.
///
/// ``PromotionRun`` and ``RollbackRun``, which alone write, throw every error as one. Any other error left the tag alone.
package struct PromotionFailure: ExitCoded {
    package let reason: any ExitCoded
    package let effect: PromotionRecord.Outcome
    /// A sentence about the tag, without its full stop; nil if nothing is known of it.
    package let message: String?
    /// The build, the tag and the environment, for example `of 2d72aa… to :latest in staging`; nil if they are unknown.
    package var object: String?
    /// The full commit, or else the digest, that the tag certainly is; empty if it is unknown.
    package var tagBuild = ""

    package var exitStatus: ExitStatus { reason.exitStatus }
    package var description: String { reason.description }
}

/// The result of a promotion or rollback that did not fail.
package struct PromotionResult: Sendable {
    package let exitCode: Int32
    /// nil if a report was published.
    package var end: CommandEnd?
}

extension Error {
    /// True if the error says that no tag was written, although a write was about to happen.
    var wroteNothing: Bool {
        switch self {
        case let error as RegistryError: if case .uncertainPut = error { false } else { true }
        case let error as PromotionError: if case .underWay = error { true } else { false }
        case is GateError: true
        default: false
        }
    }
}

/// The log of a promotion's steps, for the terminal and for the report.
package final class PromotionLog: Sendable {
    private struct Entries {
        var steps: [PromotionRecord.Step] = []
        var warnings: [String] = []
    }

    private let entries = Mutex(Entries())
    private let terminal: Terminal

    package init(terminal: Terminal = .standardError) {
        self.terminal = terminal
    }

    var steps: [PromotionRecord.Step] { entries.withLock(\.steps) }
    /// The messages that the report repeats as warnings.
    var warnings: [String] { entries.withLock(\.warnings) }

    /// - Parameter isShown: false if the terminal has shown it already.
    func record(_ step: PromotionStep, _ text: String, isShown: Bool = true) {
        let message = Sanitizer.singleLine(text)
        entries.withLock { $0.steps.append(.init(at: Date().rfc3339, step: step.rawValue, message: message)) }
        guard isShown else { return }
        let name = step.rawValue
        terminal.write("\(name)\(String(repeating: " ", count: max(1, 13 - name.count)))\(message)\n")
    }

    func warn(_ step: PromotionStep, _ text: String) {
        record(step, text)
        entries.withLock { $0.warnings.append(Sanitizer.singleLine(text)) }
    }
}

extension SignalCancellation {
    /// Runs a step of a promotion or rollback that a signal interrupts.
    ///
    /// - Parameters:
    ///   - change: the change that has not happened until the step is done, for example `latest was moved`.
    ///   - writes: true for the step that writes, whose error can hide a change.
    /// - Throws: the error of the step, or ``PromotionError/interrupted(signal:_:)`` after a signal.
    func guarding<Value: Sendable>(
        _ change: String, writes: Bool = false, _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let result = await watching { () -> Result<Value, any Error> in
            do { return .success(try await work()) } catch { return .failure(error) }
        }
        guard case .failure(let error) = result, let signal else { return try result.get() }
        // A cancelled request may fail with any error; the cause is the signal.
        switch error {
        case PromotionError.uncertain, PromotionError.notShown:
            throw PromotionError.interrupted(signal: signal, "interrupted: \(error)", .unknown)
        case let error as PromotionError: throw error
        case GateError.interrupted(_, let text):
            throw PromotionError.interrupted(signal: signal, "\(text), before \(change)", .unchanged)
        case let error as GateError: throw error
        case _ where writes && !error.wroteNothing:
            throw PromotionError.interrupted(signal: signal, "interrupted: \(error)", .unknown)
        default: throw PromotionError.interrupted(signal: signal, "interrupted before \(change)", .unchanged)
        }
    }
}
