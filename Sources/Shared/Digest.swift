/// A content digest: `sha256:` and 64 lower-case hexadecimal digits.
///
/// Source: OCI image specification, "Descriptor", section "Digests". Other algorithms are not in use by the registries
/// and engines that this project reads.
public struct Digest: Hashable, Sendable {
    /// The 64 digits without the algorithm.
    public let hex: String

    /// Parses `sha256:<64 hex>`.
    ///
    /// - Throws: ``Defect``, which says what the text is instead. Upper-case digits are refused, as the specification
    ///   does: a registry would not know them.
    public init(parsing text: some StringProtocol) throws(Defect) {
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

    /// Makes a digest of the 32 bytes of a SHA-256, or nil for any other number of bytes.
    public init?(sha256 bytes: some Collection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        hex = Hexadecimal.encode(bytes)
    }

    /// The SHA-256 of content.
    public init(sha256Of content: some Sequence<UInt8>) {
        hex = Hexadecimal.encode(SHA256.hash(content))
    }

    static let algorithm = "sha256"

    /// `sha256:` and the first 12 digits, for people. Never compared.
    public var short: String { "\(Self.algorithm):\(hex.prefix(12))" }

    /// Why a text is no digest.
    public enum Defect: Error, Hashable, Sendable, CustomStringConvertible {
        case empty
        case noAlgorithm
        case unsupportedAlgorithm
        case wrongLength(digits: Int)
        case notLowerHexadecimal

        public var description: String {
            switch self {
            case .empty: "is empty"
            case .noAlgorithm: "has no algorithm: write sha256:<64 hex digits>"
            case .unsupportedAlgorithm: "has an algorithm other than sha256"
            case .wrongLength(let digits): "has \(digits) digits where sha256 has 64"
            case .notLowerHexadecimal: "is not lower-case hexadecimal"
            }
        }
    }
}

extension Digest: CustomStringConvertible {
    public var description: String { "\(Self.algorithm):\(hex)" }
}
