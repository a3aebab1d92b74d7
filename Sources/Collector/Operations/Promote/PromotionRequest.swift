package import CollectorSupport
import Foundation
import Glibc
package import Registry
import Reports
package import Shared
package import Verdict

/// The candidate to promote, the tag to move, and the actor.
package struct PromotionRequest: Hashable, Sendable {
    package let service: DeployedService
    package let gitSHA: GitSHA
    /// The candidate: a tag or a digest of the repository.
    let source: ImageReference
    /// The tag to move, in the same repository.
    let target: ImageReference
    /// True if going back, or to another branch, is intended.
    let allowsRollback: Bool
    /// True if the descent from the present build is not checked.
    let skipsAncestry: Bool
    /// One line.
    let actor: String

    /// For example `of 2d72aa… to :latest in staging`.
    var object: String { "of \(gitSHA.short) to :\(tag)\(service.place)" }

    var repository: String { target.repository }
    var tag: String { target.effectiveTag ?? "" }

    /// The candidate as typed: a tag or a digest.
    var sourceName: String { source.digest?.description ?? source.effectiveTag ?? "" }

    /// True if the candidate's tag contains its commit, so that other commits' candidates can be named.
    var namesCandidates: Bool { candidate(of: gitSHA) != nil }

    /// Another commit's candidate: the same tag with that commit in it, shortened alike. nil if the candidate's tag does not
    /// contain its commit.
    func candidate(of commit: GitSHA) -> ImageReference? {
        guard source.digest == nil, let tag = source.effectiveTag else { return nil }
        let lengths = [gitSHA.hex.count] + (7..<gitSHA.hex.count).reversed()
        for length in lengths {
            guard let place = tag.firstRange(of: gitSHA.hex.prefix(length)) else { continue }
            return ImageReference(
                parsing:
                    "\(target.repository):\(tag[..<place.lowerBound])\(commit.hex.prefix(length))\(tag[place.upperBound...])"
            )
        }
        return nil
    }

    /// The line for a compose file's environment: the candidate's tag, or the moved tag if the candidate is a digest.
    func pin(_ image: ResolvedImage) -> String {
        ImagePin(service: service.name, tag: source.tag ?? tag, digest: image.digest).description
    }

    /// - Parameters:
    ///   - image: the repository. A tag or digest in it is a mistake: `from` and `to` name those.
    ///   - from: a tag or a digest; nil for the candidate tag of the commit.
    /// - Throws: ``UsageError`` that names the flag.
    package init(
        service: DeployedService, image: String, gitSHA: GitSHA, from: String?, to tag: String, rules: TagPolicy,
        allowsRollback: Bool, skipsAncestry: Bool = false, actor: String
    ) throws(UsageError) {
        guard let repository = ImageReference(parsing: image), repository.tag == nil, repository.digest == nil else {
            throw UsageError(
                "invalid --image '\(Sanitizer.singleLine(image, limit: 200))': expected a repository without a tag, for example "
                    + "registry.example/canvas (--from and --to name the tags)")
        }
        let from = from ?? rules.candidates.tag(for: gitSHA)
        let separator = from.contains(":") ? "@" : ":"
        guard let source = ImageReference(parsing: "\(repository.repository)\(separator)\(from)") else {
            throw UsageError(
                "invalid --from '\(Sanitizer.singleLine(from, limit: 200))': expected a tag or a digest of --image")
        }
        guard let target = ImageReference(parsing: "\(repository.repository):\(tag)"), target.digest == nil else {
            throw UsageError("invalid --to '\(Sanitizer.singleLine(tag, limit: 200))': expected a tag")
        }
        switch rules.refusal(of: tag) {
        case .writtenOnce:
            throw UsageError(
                "invalid --to '\(tag)': this tag names one build and never moves; expected a moving tag such as latest")
        case .undeclared:
            throw UsageError(
                "invalid --to '\(tag)': not declared as a moving tag; if it is one, add --moving-tag \(tag)")
        case nil: break
        }
        if let commit = source.tag.flatMap(rules.candidates.commit(in:)), !gitSHA.hex.hasPrefix(commit.lowercased()) {
            throw UsageError("invalid --from '\(from)': a candidate of another commit than --sha \(gitSHA.short)")
        }
        (self.service, self.gitSHA, self.source, self.target) = (service, gitSHA, source, target)
        (self.allowsRollback, self.skipsAncestry, self.actor) = (allowsRollback, skipsAncestry, actor)
    }
}

/// The rule for tags that may be moved: those declared as moving, but never a tag that names a build.
package struct TagPolicy: Hashable, Sendable {
    /// The tags that may be moved, for example `latest`.
    let moving: Set<String>
    let candidates: CandidatePattern

    package init(moving: Set<String> = ["latest"], candidates: CandidatePattern = .standard) {
        self.moving = moving
        self.candidates = candidates
    }

    enum Refusal: Hashable, Sendable {
        case writtenOnce
        case undeclared
    }

    /// The reason that a tag must not be moved; nil if it may be.
    func refusal(of tag: String) -> Refusal? {
        if isWrittenOnce(tag) { return .writtenOnce }
        return moving.contains(tag) ? nil : .undeclared
    }

    /// True if a tag's name belongs to one build: a candidate's tag, `sha-…`, or `v` and a number.
    package func isWrittenOnce(_ tag: String) -> Bool {
        if candidates.commit(in: tag) != nil { return true }
        if tag.hasPrefix("sha-") { return true }
        return tag.hasPrefix("v") && tag.dropFirst().utf8.first?.isASCIIDigit == true
    }
}

/// The result of a dry run of `promote`.
package struct PromotionPlan: Sendable {
    let request: PromotionRequest
    let passed: PromotionGate.Passed
    /// What would be verified, and where; nil without verification.
    let verification: String?

    package var text: String {
        let image = passed.image
        let former = passed.former.map { "\($0.digest) (\($0.gitSHA?.short ?? "no commit"))" } ?? "nothing"
        let move =
            passed.former?.digest == image.digest
            ? ["\(request.target) already is \(image.digest); nothing would be moved"]
            : [
                "would move \(request.target)", "  from    \(former)",
                "  to      \(image.digest) (\(request.gitSHA.short)), \(image.manifest.bytes.count) bytes of "
                    + image.manifest.mediaType.rawValue,
            ]
        let then = verification ?? "no verification"
        let lines =
            move + ["  as      a promotion of \(request.service.promoted), by \(request.actor)", "  then    \(then)"]
        return (lines + ["nothing was written", request.pin(image)]).map { "\($0)\n" }.joined()
    }

    package var end: CommandEnd {
        let isMove = passed.former?.digest != passed.image.digest
        let present =
            passed.former.map { "\(request.target) is still \($0.name)" } ?? "\(request.target) does not exist"
        var end = CommandEnd(
            .promote, .dryRun, exitCode: ExitStatus.success.rawValue, effect: .unchanged,
            message: isMove
                ? "would move \(request.target) to \(request.gitSHA.short) (\(passed.image.digest.short))"
                : "\(request.target) already is \(request.gitSHA.short); nothing would be moved",
            tag: "nothing was changed: \(present)")
        (end.object, end.tagBuild) = (request.object, passed.former?.full ?? "")
        return end
    }
}

/// The name of the person or pipeline that promotes, for the journal.
package enum PromotionActor {
    /// One line: the flag's value, or the pipeline's actor and run, or the user and the machine.
    package static func name(flag: String?, environment: [String: String]) -> String {
        if let flag, !flag.isEmpty { return Sanitizer.singleLine(flag, limit: 200) }
        func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        if let actor = variable("GITHUB_ACTOR") {
            let run = [
                variable("GITHUB_REPOSITORY"), variable("GITHUB_WORKFLOW"),
                variable("GITHUB_RUN_ID").map { "run \($0)" },
            ]
            let place = run.compactMap { $0 }.joined(separator: ", ")
            return Sanitizer.singleLine(place.isEmpty ? actor : "\(actor) (\(place))", limit: 200)
        }
        let user = variable("SUDO_USER") ?? variable("USER") ?? variable("LOGNAME") ?? account
        return Sanitizer.singleLine("\(user)@\(ProcessInfo.processInfo.hostName)", limit: 200)
    }

    /// The name of the process's user, or else its number.
    private static var account: String {
        let number = getuid()
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16 << 10)
        guard getpwuid_r(number, &entry, &buffer, buffer.count, &found) == 0, found != nil, let name = entry.pw_name
        else { return "uid \(number)" }
        return String(cString: name)
    }
}
