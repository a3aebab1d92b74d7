/// A content digest: `sha256:` and 64 lower-case hexadecimal digits.
///
/// Source: OCI image specification, "Descriptor", section "Digests". Registries and engines use no other algorithm.
public struct Digest: Hashable, Sendable {
    /// The 64 digits without the algorithm.
    public let hex: String

    /// Parses `sha256:<64 hex>`.
    ///
    /// - Throws: ``ParseError``. Upper-case digits are refused, as the specification requires: a registry does not find
    ///   them.
    public init(parsing text: some StringProtocol) throws(ParseError) {
        guard !text.isEmpty else { throw .empty }
        guard let colon = text.firstIndex(of: ":") else { throw .noAlgorithm }
        guard text[..<colon] == Self.algorithm else { throw .unsupportedAlgorithm }
        let digits = text[text.index(after: colon)...]
        guard digits.utf8.count == 64 else { throw .wrongLength(digits: digits.utf8.count) }
        guard digits.utf8.allSatisfy({ $0.isHexDigit && !($0 >= 0x41 && $0 <= 0x46) }) else {
            throw .notLowerHexadecimal
        }
        hex = String(digits)
    }

    /// Creates a digest from the 32 bytes of a SHA-256; nil for any other number of bytes.
    public init?(sha256 bytes: some Collection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        hex = Hexadecimal.encode(bytes)
    }

    /// The SHA-256 of content.
    public init(sha256Of content: some Sequence<UInt8>) {
        hex = Hexadecimal.encode(SHA256.hash(content))
    }

    private static let algorithm = "sha256"

    /// `sha256:` and the first 12 digits, for display. Never compared.
    public var short: String { "\(Self.algorithm):\(hex.prefix(12))" }

    /// The reason why a text is not a digest, as a predicate.
    public enum ParseError: Error, Hashable, Sendable, CustomStringConvertible {
        case empty
        case noAlgorithm
        case unsupportedAlgorithm
        case wrongLength(digits: Int)
        case notLowerHexadecimal

        public var description: String {
            switch self {
            case .empty: "is empty"
            case .noAlgorithm: "has no algorithm: expected sha256:<64 hex digits>"
            case .unsupportedAlgorithm: "has an algorithm other than sha256"
            case .wrongLength(let digits): "has \(digits) digits instead of 64"
            case .notLowerHexadecimal: "is not lower-case hexadecimal"
            }
        }
    }
}

extension Digest: CustomStringConvertible {
    public var description: String { "\(Self.algorithm):\(hex)" }
}
