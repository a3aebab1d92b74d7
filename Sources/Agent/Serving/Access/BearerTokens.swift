import Shared

/// The tokens that open the agent: one, or several while they are being exchanged. Only their hashes are kept.
struct BearerTokens: Sendable {
    /// Why a text holds no tokens; what follows "the token file '…' ".
    enum Defect: Error, Hashable, CustomStringConvertible {
        case empty
        case tooMany
        case length(line: Int)
        case characters(line: Int)

        var description: String {
            switch self {
            case .empty: "holds no token: write one a line, for example from: openssl rand -hex 32"
            case .tooMany: "holds more than \(BearerTokens.maximum) tokens: remove those that nobody uses"
            case .length(let line):
                "has a token of less than 16 or more than 4096 characters in line \(line): write another"
            case .characters(let line):
                "has blanks or characters other than printable ASCII in line \(line): write one token a line"
            }
        }
    }

    static let maximum = 16
    static let permittedLength = 16...4_096

    private let hashes: [[UInt8]]

    /// - Parameter bytes: one token a line; lines with nothing on them count for nothing.
    init(parsing bytes: [UInt8]) throws(Defect) {
        var hashes: [[UInt8]] = []
        for (index, line) in bytes.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
            let token = line.last == 13 ? line.dropLast() : line
            if token.isEmpty { continue }
            guard token.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw .characters(line: index + 1) }
            guard Self.permittedLength.contains(token.count) else { throw .length(line: index + 1) }
            hashes.append(SHA256.hash(token))
        }
        guard !hashes.isEmpty else { throw .empty }
        guard hashes.count <= Self.maximum else { throw .tooMany }
        self.hashes = hashes
    }

    /// Whether it is one of them. How long that takes tells nothing of them: all are compared, as hashes, to the last byte.
    func contains(_ candidate: Substring) -> Bool {
        guard Self.permittedLength.contains(candidate.utf8.count) else { return false }
        let hash = SHA256.hash(candidate.utf8)
        var isAny = false
        for known in hashes {
            let difference = zip(hash, known).reduce(0 as UInt8) { $0 | ($1.0 ^ $1.1) }
            isAny = (difference == 0) || isAny
        }
        return isAny
    }
}

extension BearerTokens: CustomStringConvertible, CustomReflectable {
    var description: String { "BearerTokens(\(hashes.count))" }
    /// A short token could be guessed from its hash.
    var customMirror: Mirror { Mirror(self, children: []) }
}
