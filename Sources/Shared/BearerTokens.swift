/// The accepted bearer tokens of a file: one, or several during a rotation. Only their hashes are kept.
public struct BearerTokens: Sendable {
    /// The reason why a text holds no tokens, as a predicate of the token file.
    public enum ParseError: Error, Hashable, CustomStringConvertible {
        case empty
        case tooMany
        case length(line: Int)
        case characters(line: Int)

        public var description: String {
            switch self {
            case .empty: "has no token: write one per line, for example from openssl rand -hex 32"
            case .tooMany: "has more than \(BearerTokens.maximum) tokens: remove unused ones"
            case .length(let line):
                "has a token of less than 16 or more than 4096 characters in line \(line): replace it"
            case .characters(let line):
                "has blanks or characters other than printable ASCII in line \(line): write one token per line"
            }
        }
    }

    public static let maximum = 16
    public static let permittedLength = 16...4_096

    private let hashes: [[UInt8]]

    /// - Parameter bytes: one token per line; empty lines are ignored.
    public init(parsing bytes: [UInt8]) throws(ParseError) {
        var hashes: [[UInt8]] = []
        for (index, line) in bytes.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
            let token = line.last == 13 ? line.dropLast() : line
            if token.isEmpty { continue }
            guard token.allSatisfy(\.isVisibleASCII) else { throw .characters(line: index + 1) }
            guard Self.permittedLength.contains(token.count) else { throw .length(line: index + 1) }
            hashes.append(SHA256.hash(token))
        }
        guard !hashes.isEmpty else { throw .empty }
        guard hashes.count <= Self.maximum else { throw .tooMany }
        self.hashes = hashes
    }

    /// True if it is one of the tokens. Compares all hashes to the last byte, so the time reveals nothing.
    public func contains(_ candidate: Substring) -> Bool {
        guard Self.permittedLength.contains(candidate.utf8.count) else { return false }
        let hash = SHA256.hash(candidate.utf8)
        var isAny = false
        for known in hashes { isAny = ConstantTime.areEqual(hash, known) || isAny }
        return isAny
    }

    /// What a function makes of each token's SHA-256.
    public func mapHashes<Value>(_ transform: ([UInt8]) -> Value) -> [Value] { hashes.map(transform) }

    /// The token of `Authorization: Bearer TOKEN` (RFC 6750, section 2.1).
    ///
    /// - Parameter lines: the values of the header, one for each occurrence.
    /// - Returns: nil unless the header occurs exactly once and holds one bearer token.
    public static func token(of lines: [String]) -> Substring? {
        guard lines.count == 1, let line = lines.first else { return nil }
        let parts = line.split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return parts[1]
    }
}

extension BearerTokens: CustomStringConvertible, CustomReflectable {
    public var description: String { "BearerTokens(\(hashes.count))" }
    /// Hides the hashes, since a short token could be guessed from its hash.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Comparison whose time says nothing about where two values differ.
public enum ConstantTime {
    public static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(0 as UInt8) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
