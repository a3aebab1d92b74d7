/// A full Git commit id: 40 (SHA-1) or 64 (SHA-256) hexadecimal digits, held in lower case.
///
/// Every value of this type can be compared. Anything else that a host reports in its place (nothing, `dev`, a shortened
/// id, all zeros) cannot become one, so "unknown" never equals "unknown".
public struct GitSHA: Hashable, Sendable {
    /// The digits, lower case; 40 or 64 of them.
    public let hex: String

    /// Parses a commit id, ignoring case.
    ///
    /// - Throws: ``ParseError``.
    public init(parsing text: some StringProtocol) throws(ParseError) {
        let digits = text.utf8
        guard !digits.isEmpty else { throw .empty }
        guard digits.allSatisfy(\.isHexDigit) else {
            throw text.lowercased().hasSuffix("-dirty") ? .dirty : .notHexadecimal
        }
        guard digits.count == 40 || digits.count == 64 else {
            throw digits.count < 40 ? .shortened(digits: digits.count) : .wrongLength(digits: digits.count)
        }
        guard digits.contains(where: { $0 != UInt8(ascii: "0") }) else { throw .allZeros }
        // Commits are nearly always in lower case, which costs no conversion.
        hex =
            digits.contains(where: { $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "F") })
            ? text.lowercased() : String(text)
    }

    /// The reason why a text is not a full commit id; nil for one that is.
    public static func problem(with text: some StringProtocol) -> ParseError? {
        do throws(ParseError) {
            _ = try GitSHA(parsing: text)
            return nil
        } catch {
            return error
        }
    }

    /// The first 12 digits, for display. Never compared.
    public var short: String { String(hex.prefix(12)) }

    /// The reason why a text is not a full commit id, as a predicate.
    public enum ParseError: Error, Hashable, Sendable, CustomStringConvertible {
        case empty
        case notHexadecimal
        case dirty
        case allZeros
        case shortened(digits: Int)
        case wrongLength(digits: Int)

        public var description: String {
            switch self {
            case .empty: "is empty"
            case .notHexadecimal: "is not hexadecimal"
            case .dirty: "was built from a work tree with uncommitted changes"
            case .allZeros: "is all zeros"
            case .shortened(let digits): "has \(digits) digits; a full commit id has 40 (or 64)"
            case .wrongLength(let digits): "has \(digits) digits; a full commit id has 40 or 64"
            }
        }
    }
}

extension GitSHA: CustomStringConvertible {
    public var description: String { hex }
}

extension UTF8.CodeUnit {
    /// True if the byte is one of `0-9`, `a-f` and `A-F` in ASCII.
    var isHexDigit: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}
