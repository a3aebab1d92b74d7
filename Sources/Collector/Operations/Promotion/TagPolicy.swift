package import Registry

/// The rules for moving tags: a tag that names a build is written once, and any other tag moves only if it is declared.
package struct TagPolicy: Hashable, Sendable {
    /// The tags that may be moved, for example `latest`.
    package var moving: Set<String> = ["latest"]

    /// The naming scheme of candidates, which name a build.
    package var candidates = CandidatePattern.standard

    package init(moving: Set<String> = ["latest"], candidates: CandidatePattern = .standard) {
        (self.moving, self.candidates) = (moving, candidates)
    }

    /// Why a tag is not moved; nil where it may be.
    func objection(to tag: String) -> Objection? {
        if isWrittenOnce(tag) { return .writtenOnce }
        return moving.contains(tag) ? nil : .undeclared
    }

    enum Objection: Hashable, Sendable {
        case writtenOnce
        case undeclared
    }

    /// True if a tag names one build: a candidate, `sha-…`, or `v` and a number.
    package func isWrittenOnce(_ tag: String) -> Bool {
        if candidates.commit(in: tag) != nil { return true }
        if tag.hasPrefix("sha-") { return true }
        return tag.hasPrefix("v") && tag.dropFirst().utf8.first.map { (48...57).contains($0) } ?? false
    }
}
