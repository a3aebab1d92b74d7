import FoundationEssentials
import Shared

/// A document's bytes, encoded once: only clock fields and nonce are put in for each answer.
struct DocumentBody: Sendable {
    let content: DocumentContent
    /// The JSON object without its closing brace.
    private let prefix: [UInt8]
    /// A strong validator (RFC 9110, section 8.8.3) of the content: clock fields and nonce have no part in it.
    let entityTag: String

    init(_ content: DocumentContent) throws {
        self.content = content
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let encoded = Array(try encoder.encode(content))
        prefix = encoded.dropLast()
        let hash = SHA256.hash(encoded + Array(BuildinfoVersion.current.utf8))
        entityTag = "\"\(Hexadecimal.encode(hash.prefix(16)))\""
    }

    /// The whole document.
    ///
    /// - Parameter age: shown to the millisecond, never below zero.
    func bytes(observedAt: String, age: Duration, uptime: Duration, nonce: String?) -> [UInt8] {
        var text = ",\"observed_at\":\"\(observedAt)\",\"age_seconds\":\(Self.seconds(age))"
        if let nonce { text += ",\"nonce\":\"\(Self.escaped(nonce))\"" }
        text += ",\"agent\":{\"version\":\"\(BuildinfoVersion.current)\",\"uptime_seconds\":\(Self.seconds(uptime))}}"
        var bytes: [UInt8] = []
        bytes.reserveCapacity(prefix.count + text.utf8.count)
        bytes += prefix
        bytes += text.utf8
        return bytes
    }

    /// Seconds with three places, rounded up: an age is never shown smaller than it is.
    static func seconds(_ duration: Duration) -> String {
        let parts = max(duration, .zero).components
        let milliseconds =
            Int(parts.seconds) * 1_000 + Int((parts.attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
        let places = String(milliseconds % 1_000)
        return "\(milliseconds / 1_000)." + String(repeating: "0", count: 3 - places.count) + places
    }

    /// A nonce is printable ASCII, so two characters need an escape (RFC 8259, section 7).
    private static func escaped(_ nonce: String) -> String {
        nonce.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    }
}
