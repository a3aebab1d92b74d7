package import Shared

/// The naming scheme of candidate tags, such as `staging-{sha}`: the tag under which CI pushes the build of a commit.
package struct CandidatePattern: Hashable, Sendable, CustomStringConvertible {
    package static let placeholder = "{sha}"
    package static let standard = CandidatePattern(prefix: "staging-", suffix: "")

    private let prefix: String
    private let suffix: String

    private init(prefix: String, suffix: String) {
        self.prefix = prefix
        self.suffix = suffix
    }

    /// Parses a pattern with exactly one `{sha}` placeholder.
    package init(parsing text: String) throws(ParseError) {
        guard let placeholder = text.firstRange(of: Self.placeholder) else { throw .noPlaceholder }
        prefix = String(text[..<placeholder.lowerBound])
        suffix = String(text[placeholder.upperBound...])
        guard suffix.firstRange(of: Self.placeholder) == nil else { throw .severalPlaceholders }
        for character in prefix + suffix where !Self.isTagCharacter(character) { throw .invalidCharacter(character) }
        if let first = prefix.first, first == "." || first == "-" { throw .invalidStart(first) }
        guard prefix.utf8.count + suffix.utf8.count + Self.longestCommit <= Self.longestTag else { throw .tooLong }
    }

    package var description: String { prefix + Self.placeholder + suffix }

    /// The candidate's tag for a commit.
    package func tag(for sha: GitSHA) -> String { prefix + sha.hex + suffix }

    /// The commit in a candidate's tag, possibly shortened to 7 digits or more; nil for any other tag.
    package func commit(in tag: String) -> Substring? {
        guard tag.utf8.count >= prefix.utf8.count + suffix.utf8.count, tag.hasPrefix(prefix), tag.hasSuffix(suffix)
        else {
            return nil
        }
        let commit = tag.dropFirst(prefix.count).dropLast(suffix.count)
        guard (7...Self.longestCommit).contains(commit.utf8.count),
            commit.allSatisfy({ $0.isASCII && $0.isHexDigit })
        else { return nil }
        return commit
    }

    /// The limits of a tag in the OCI distribution specification: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
    private static let longestTag = 128
    private static let longestCommit = 64

    private static func isTagCharacter(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || "._-".contains(character))
    }

    package enum ParseError: Error, Hashable, CustomStringConvertible {
        case noPlaceholder
        case severalPlaceholders
        case invalidCharacter(Character)
        case invalidStart(Character)
        case tooLong

        /// Follows "invalid --candidate 'x': ".
        package var description: String {
            switch self {
            case .noPlaceholder: "the placeholder {sha} is missing, for example staging-{sha}"
            case .severalPlaceholders: "expected one {sha}, found more"
            case .invalidCharacter(let character):
                "'\(Sanitizer.singleLine(String(character), limit: 8))' is not allowed in a tag; use letters, digits, '.', '_' "
                    + "and '-'"
            case .invalidStart(let character): "a tag cannot start with '\(character)'"
            case .tooLong: "a tag with a full commit id would be longer than \(longestTag) characters"
            }
        }
    }
}
