/// What a service says of its commit, beside what its image says: one rule for agent and collector.
extension ProbeResult {
    /// How the two go together.
    public enum Agreement: Hashable, Sendable {
        case same
        /// The service tells no commit: nothing, `dev`, or what else is none.
        case silent
        /// The service tells another commit than its image does.
        case other
        /// There is no commit to compare with.
        case nothing
    }

    /// Digits of a shortened commit at least, as Git abbreviates by default.
    private static let abbreviation = 7

    /// Compares with the commits that may be served; a shortened one agrees with what it is the beginning of.
    public func agreement(with commits: some Collection<GitSHA>) -> Agreement {
        switch gitSHA {
        case nil, .absent?: return .silent
        case .known(let served)?:
            if commits.isEmpty { return .nothing }
            return commits.contains(served) ? .same : .other
        case .unusable(let text)?:
            let digits = text.lowercased()
            guard case .shortened? = GitSHA.defect(of: digits), digits.utf8.count >= Self.abbreviation,
                digits.utf8.contains(where: { $0 != UInt8(ascii: "0") })
            else { return .silent }
            if commits.isEmpty { return .nothing }
            return commits.contains { $0.hex.hasPrefix(digits) } ? .same : .other
        }
    }

    /// The commit for a person; "no commit" where there is none.
    public var shownCommit: String {
        switch gitSHA {
        case .known(let sha)?: sha.short
        case .unusable(let text)? where !text.isEmpty: Sanitizer.singleLine(text, limit: 48)
        case .unusable?, .absent?, nil: "no commit"
        }
    }
}
