import FoundationEssentials
import Shared

extension [UInt8] {
    /// Bytes of the system's random numbers.
    package static func random(_ count: Int) -> [UInt8] { (0..<count).map { _ in .random(in: .min ... .max) } }
}

extension [String] {
    /// The texts in UTF-8, each after its length, which keeps them apart whatever they contain.
    package var withLengths: [UInt8] { flatMap { [UInt8]("\($0.utf8.count):\($0)".utf8) } }
}

/// Base64 for URLs and cookies, without padding (RFC 4648, section 5).
package enum Base64URL {
    package static func encode(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// nil for any other text, padding and other spellings of the same bytes included.
    package static func decode(_ text: some StringProtocol) -> [UInt8]? {
        guard text.utf8.allSatisfy({ $0.isASCIIAlphanumeric || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") })
        else { return nil }
        let standard = String(text).replacing("-", with: "+").replacing("_", with: "/")
        let missing = (4 - standard.utf8.count % 4) % 4
        guard missing < 3, let data = Data(base64Encoded: standard + String(repeating: "=", count: missing)) else {
            return nil
        }
        let bytes = Array(data)
        return encode(bytes) == String(text) ? bytes : nil
    }
}
