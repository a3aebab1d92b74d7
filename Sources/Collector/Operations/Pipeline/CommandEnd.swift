import CollectorSupport
import Gate
import Registry
package import Reports
import Shared

/// The end of a command that has no report: a refusal, a usage error, a dry run, a promotion without verification.
///
/// Pipelines see it like the headline of a report: what happened, what the tag is, and what to do next.
package struct CommandEnd: Hashable, Sendable {
    /// A command whose end a pipeline shows.
    package enum Command: String, CaseIterable, Sendable {
        case verify, promote, rollback
        case waitCI = "wait-ci"
    }

    /// The end in one word, as the output `verdict`.
    package enum Verdict: Hashable, Sendable {
        /// Nothing was changed or proven: the gate refused, the usage was invalid, or a required service was unavailable.
        case refused
        /// A newer promotion exists.
        case superseded
        /// The inventory was refused, by the verdict of a verification.
        case inventory(String)
        /// It is unknown whether the tag was moved.
        case unknown
        case interrupted
        /// An internal error.
        case error
        case dryRun
        /// The tag is what was requested, and no host was asked.
        case notVerified
        /// The required contexts are green.
        case green

        package var word: String {
            switch self {
            case .refused: "refused"
            case .superseded: "superseded"
            case .inventory(let word): word
            case .unknown: "unknown"
            case .interrupted: "interrupted"
            case .error: "error"
            case .dryRun: "dry_run"
            case .notVerified: "not_verified"
            case .green: "green"
            }
        }
    }

    let command: Command
    let verdict: Verdict
    let exitCode: Int32
    let effect: PromotionRecord.Outcome
    /// The cause, one line, without a full stop.
    let message: String
    /// A sentence about the tag; nil if none is involved, or nothing is known of it.
    let tag: String?
    /// The build, the tag and the environment, for example `of 2d72aa… to :latest in staging`; nil if they are unknown.
    package var object: String?
    /// The full commit, or else the digest, that the tag is; empty if it is unknown.
    package var tagBuild = ""
    /// What to do next if the cause decides it; nil for the verdict's advice.
    private var specificNext: String?

    package init(
        _ command: Command, _ verdict: Verdict, exitCode: Int32, effect: PromotionRecord.Outcome, message: String,
        tag: String? = nil
    ) {
        self.command = command
        self.verdict = verdict
        self.exitCode = exitCode
        self.effect = effect
        self.message = Sanitizer.singleLine(message, limit: 1_024)
        self.tag = tag.map { Sanitizer.singleLine($0, limit: 512) }
    }

    /// The end of a command by an error.
    ///
    /// - Parameters:
    ///   - message: the error's.
    ///   - unchanged: the sentence that the tag was not moved; nil if that is not certain.
    package init(_ command: Command, exitCode: Int32, message: String, unchanged: String?, error: (any Error)? = nil) {
        let isUnchanged = unchanged != nil || command == .verify || command == .waitCI
        let verdict: Verdict =
            switch ExitStatus(rawValue: exitCode) {
            case .superseded: .superseded
            case .interrupt, .terminated, .hangup: .interrupted
            case .inventory: .inventory((error as? any InventoryRefusal)?.verdict ?? "empty_inventory")
            case .refused, .usage, .unavailable: isUnchanged ? .refused : .unknown
            default: .error
            }
        self.init(
            command, verdict, exitCode: exitCode, effect: isUnchanged ? .unchanged : .unknown, message: message,
            tag: unchanged)
        specificNext = (error as? any NextStep)?.next
    }

    /// The end by an error of a promotion or rollback.
    ///
    /// - Parameter exitCode: the process's; nil for the error's.
    package init(_ command: Command, _ failure: PromotionFailure, exitCode: Int32? = nil) {
        let end = CommandEnd(
            command, exitCode: failure.exitCode, message: "\(failure)",
            unchanged: failure.effect == .unchanged ? failure.message : nil, error: failure.reason)
        // A tag that was moved before the error is known to be moved.
        self.init(
            command, end.verdict, exitCode: exitCode ?? failure.exitCode, effect: failure.effect, message: end.message,
            tag: end.tag)
        (object, tagBuild) = (failure.object, failure.tagBuild)
        specificNext = end.specificNext
    }

    // MARK: - Words

    private var subject: String {
        switch command {
        case .verify: "Verification"
        case .promote: "Promotion\(object.map { " \($0)" } ?? "")"
        case .rollback: "Rollback\(object.map { " \($0)" } ?? "")"
        case .waitCI: "The wait for CI"
        }
    }

    /// What happened, without a full stop.
    var event: String {
        switch verdict {
        case .refused where ExitStatus(rawValue: exitCode) == .usage: "\(subject) did not start"
        case .refused where ExitStatus(rawValue: exitCode) == .unavailable:
            "\(subject) failed before it changed anything"
        case .refused where command == .waitCI: "CI is not green"
        case .refused, .inventory: "\(subject) was refused"
        case .superseded: "\(subject) was superseded"
        case .unknown where effect == .moved: "\(subject) failed after the tag was moved"
        case .unknown: "\(subject) failed, and it is unknown whether the tag was moved"
        case .interrupted: "\(subject) was interrupted"
        case .error: "\(subject) ended with an internal error"
        case .dryRun: "Dry run: \(command == .rollback ? "rollback" : "promotion")\(object.map { " \($0)" } ?? "")"
        case .notVerified: "\(subject) without verification"
        case .green: "CI is green"
        }
    }

    /// What to do next, one sentence.
    var next: String {
        if let specificNext { return specificNext }
        return switch verdict {
        case .refused where ExitStatus(rawValue: exitCode) == .usage:
            "Correct the command, then run the job again: there is nothing to undo."
        case .inventory:
            "Correct the inventory or the flags that check it, then run the job again: there is nothing to undo."
        case .refused where ExitStatus(rawValue: exitCode) == .unavailable:
            "Run the job again once the service is available: there is nothing to undo."
        case .refused: "Run the job again when the cause is gone: there is nothing to undo."
        case .superseded: "Check the run of the newer promotion: there is nothing to do here."
        case .unknown where effect == .moved, .interrupted where effect == .moved:
            "Run verify: the hosts are not proven to follow."
        case .unknown: "Run \(command.rawValue) again: it first determines whether the tag was moved."
        case .interrupted where effect == .unknown:
            "Run \(command.rawValue) again: it first determines whether the tag was moved."
        case .interrupted: "Run \(command.rawValue) again if it is still wanted."
        case .error: "Report this as a defect of buildinfo-collector, with the log of the step."
        case .dryRun where message.contains("nothing would be moved"): "Nothing to do: the tag already is this build."
        case .dryRun: "Run it without --dry-run to \(command == .rollback ? "put the tag back" : "move the tag")."
        case .notVerified: "Run verify: the hosts are not proven to follow."
        case .green: "Promote the commit."
        }
    }

    /// Red ends are errors. A permitted supersession and a dry run are neutral.
    var level: WorkflowCommand.Level { exitCode == 0 ? (verdict == .notVerified ? .warning : .notice) : .error }

    var annotation: WorkflowCommand {
        WorkflowCommand(
            level: level, title: "buildinfo \(command.rawValue): \(verdict.word) (exit \(exitCode))",
            message: "\(event): \(message). \(tag.map { "\($0). " } ?? "")\(next)")
    }

    /// The program's own words and numbers.
    var outputs: String {
        StepOutputs.text([
            ("verdict", verdict.word), ("exit_code", "\(exitCode)"), ("moved", StepOutputs.word(effect)),
            ("tag", StepOutputs.word(tagBuild)), ("serving", ""), ("failed_hosts", ""), ("unproven_hosts", ""),
        ])
    }

    /// Markdown. Foreign text stands in code spans.
    var summary: String {
        let symbol = exitCode != 0 ? "❌" : verdict == .green ? "✅" : "⚠️"
        var lines = ["## \(symbol) \(event)", "", MarkdownText.code(message, limit: 1_024), ""]
        if let tag { lines += [MarkdownText.code(tag, limit: 512), ""] }
        if command != .waitCI { lines += ["No host was asked.", ""] }
        lines += ["**Next:** \(next)", "", "**\(verdict.word)** (exit \(exitCode))", ""]
        return lines.joined(separator: "\n") + "\n"
    }
}

/// An error that refuses an inventory, with the verdict of a verification.
protocol InventoryRefusal: Error {
    var verdict: String? { get }
}

/// An error that decides what to do next.
protocol NextStep: Error {
    /// One sentence; nil for the advice of the exit code.
    var next: String? { get }
}

extension GateError: NextStep {
    var next: String? {
        switch self {
        case .refused(_, by: .ci):
            "Make CI green and run the job again, or promote another commit: there is nothing to undo."
        case .refused(_, by: .killSwitch):
            "Wait until the kill switch is off, then run the job again: there is nothing to undo."
        case .refused(_, by: .unreadableKillSwitch):
            "Make the kill switch readable, then run the job again: there is nothing to undo."
        case .refused(_, by: .branch):
            "Find out why the commit is not in the branch's history, or promote a commit that is: there is nothing to undo."
        case .refused(_, by: .ancestry):
            "Find out why the commit does not descend from the present build before you give --allow-rollback: there is nothing "
                + "to undo."
        case .refused(_, by: .unknownAncestry):
            "Make the check possible, or give --skip-ancestry if the commit is certainly newer: there is nothing to undo."
        case .superseded: "Nothing to do: the newer commit takes the place of this one."
        case .unavailable, .interrupted: nil
        }
    }
}

extension RegistryError: NextStep {
    var next: String? {
        switch self {
        case .absent: "Push the image, then run the job again: there is nothing to undo."
        case .unusable: "Build and push the image again, then run the job again: there is nothing to undo."
        case .denied, .credentialFile, .helper:
            "Correct the registry's credentials, then run the job again: there is nothing to undo."
        case .immutable: "Exempt the tag from the registry's immutability rule, or promote to another tag."
        case .contradiction, .unavailable, .untrustworthy, .refusedPut, .uncertainPut: nil
        }
    }
}
