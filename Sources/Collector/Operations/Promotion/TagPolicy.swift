import Shared

/// Which tags may be moved. Those that name a build are written once; those that move are declared; all others are left
/// alone.
package struct TagPolicy: Hashable, Sendable {
    /// The tags that may be moved, for example `latest`.
    package var moving: Set<String> = ["latest"]

    package init(moving: Set<String> = ["latest"]) {
        self.moving = moving
    }

    /// Why a tag is not moved; nil where it may be.
    func objection(to tag: String) -> Objection? {
        if Self.isWrittenOnce(tag) { return .writtenOnce }
        return moving.contains(tag) ? nil : .undeclared
    }

    enum Objection: Hashable, Sendable {
        case writtenOnce
        case undeclared
    }

    /// Whether a tag's name says that it is of one build for good: `staging-<commit>`, `sha-…`, `v` and a number.
    package static func isWrittenOnce(_ tag: String) -> Bool {
        if Self.commit(of: tag) != nil { return true }
        if tag.hasPrefix("sha-") { return true }
        return tag.hasPrefix("v") && tag.dropFirst().utf8.first.map { (48...57).contains($0) } ?? false
    }

    /// The commit, perhaps shortened, of a candidate's tag `staging-<commit>`; nil for another tag.
    package static func commit(of tag: String) -> Substring? {
        let prefix = "staging-"
        guard tag.hasPrefix(prefix) else { return nil }
        let commit = tag.dropFirst(prefix.count)
        return (7...64).contains(commit.utf8.count) && commit.allSatisfy { $0.isASCII && $0.isHexDigit } ? commit : nil
    }
}
