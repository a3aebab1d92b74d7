package import CollectorSupport
package import Registry
package import Shared

/// What is to be promoted, where to, and by whom.
package struct PromotionRequest: Hashable, Sendable {
    package var service: String
    package var gitSHA: GitSHA
    /// The candidate: a tag or a digest of the repository.
    package var source: ImageReference
    /// The tag that is to be moved, in the same repository.
    package var target: ImageReference
    /// Going back, or to another branch, is meant.
    package var allowsRollback = false
    /// Whether the commit descends from the present build's is not checked.
    package var skipsAncestry = false
    /// One line.
    package var actor: String

    package var repository: String { target.repository }
    package var tag: String { target.effectiveTag ?? "" }

    /// The candidate as it was asked for: a tag, or a digest.
    var sourceName: String { source.digest?.description ?? source.effectiveTag ?? "" }

    /// Whether the candidate's tag names its commit, so that other commits' candidates can be named.
    var namesCandidates: Bool { candidate(of: gitSHA) != nil }

    /// Another commit's candidate: the same tag with that commit in it, as long as it stands there. nil where the
    /// candidate is named otherwise, by a digest say.
    package func candidate(of commit: GitSHA) -> ImageReference? {
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

    /// The line for a compose file's environment: the candidate's tag, or, where a digest was asked for, the one that is
    /// moved.
    package func pin(_ image: ResolvedImage) -> String { image.pin(as: source.tag ?? tag) }

    /// - Parameters:
    ///   - image: the repository. A tag or a digest in it is a mistake: `from` and `to` say which.
    ///   - from: a tag or a digest; nil for the commit's candidate.
    /// - Throws: ``UsageError`` that names the flag.
    package init(
        service: String, image: String, gitSHA: GitSHA, from: String?, to tag: String, rules: TagPolicy,
        allowsRollback: Bool, skipsAncestry: Bool = false, actor: String
    ) throws(UsageError) {
        guard let repository = ImageReference(parsing: image), repository.tag == nil, repository.digest == nil else {
            throw UsageError(
                "--image '\(Sanitizer.singleLine(image, limit: 200))' is no repository: write for example registry.example/canvas, "
                    + "without a tag (--from and --to name them)")
        }
        let from = from ?? rules.candidates.tag(for: gitSHA)
        let separator = from.contains(":") ? "@" : ":"
        guard let source = ImageReference(parsing: "\(repository.repository)\(separator)\(from)") else {
            throw UsageError(
                "--from '\(Sanitizer.singleLine(from, limit: 200))' is neither a tag nor a digest of --image")
        }
        guard let target = ImageReference(parsing: "\(repository.repository):\(tag)"), target.digest == nil else {
            throw UsageError("--to '\(Sanitizer.singleLine(tag, limit: 200))' is no tag")
        }
        switch rules.objection(to: tag) {
        case .writtenOnce:
            throw UsageError(
                "--to '\(tag)' names one build for good and is never moved: name a moving tag, such as latest")
        case .undeclared:
            throw UsageError("--to '\(tag)' is not declared as a tag that moves: add --moving-tag \(tag) if it is one")
        case nil: break
        }
        if let commit = source.tag.flatMap(rules.candidates.commit(in:)), !gitSHA.hex.hasPrefix(commit.lowercased()) {
            throw UsageError("--from '\(from)' is another commit's candidate than --sha \(gitSHA.short)")
        }
        (self.service, self.gitSHA, self.source, self.target) = (service, gitSHA, source, target)
        (self.allowsRollback, self.skipsAncestry, self.actor) = (allowsRollback, skipsAncestry, actor)
    }
}
