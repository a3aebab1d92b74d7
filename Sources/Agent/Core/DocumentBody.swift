import FoundationEssentials
import Shared

/// A document's encoded bytes. The content is encoded once; clock fields and nonce are inserted for each response.
package struct DocumentBody: Sendable {
    package let content: DocumentContent
    /// The JSON object without its closing brace.
    private let prefix: [UInt8]
    /// The index at which a probe's latency is inserted: before the brace that closes `served`; nil without a probe.
    private let latencyIndex: Int?
    /// A strong validator of the content (RFC 9110, section 8.8.3), without clock fields and nonce.
    package let entityTag: String

    package init(_ content: DocumentContent) throws {
        self.content = content
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let encoded = Array(try encoder.encode(content))
        prefix = encoded.dropLast()
        latencyIndex = try content.served.flatMap { served in
            // The search cannot match inside a string, where quotes are escaped.
            let member = Array("\"served\":".utf8) + Array(try encoder.encode(served))
            return encoded.firstRange(of: member).map { $0.upperBound - 1 }
        }
        let hash = SHA256.hash(encoded + Array(BuildinfoVersion.current.utf8))
        entityTag = "\"\(Hexadecimal.encode(hash.prefix(16)))\""
    }

    /// The complete document.
    ///
    /// - Parameters:
    ///   - age: the age of the observation; written to the millisecond, never below zero.
    ///   - probeLatency: the time that the service took to answer its probe.
    package func bytes(
        observedAt: String, age: Duration, uptime: Duration, nonce: String?, probeLatency: Duration? = nil
    ) -> [UInt8] {
        var text = ",\"observed_at\":\"\(observedAt)\",\"age_seconds\":\(Self.seconds(age))"
        if let nonce { text += ",\"nonce\":\"\(Self.escaped(nonce))\"" }
        text += ",\"agent\":{\"version\":\"\(BuildinfoVersion.current)\",\"uptime_seconds\":\(Self.seconds(uptime))}}"
        var bytes: [UInt8] = []
        bytes.reserveCapacity(prefix.count + text.utf8.count + 32)
        if let latencyIndex, let probeLatency {
            bytes += prefix[..<latencyIndex]
            bytes += ",\"latency_seconds\":\(Self.seconds(probeLatency))".utf8
            bytes += prefix[latencyIndex...]
        } else {
            bytes += prefix
        }
        bytes += text.utf8
        return bytes
    }

    /// Seconds with three decimal places, rounded up, so that an age is never understated.
    package static func seconds(_ duration: Duration) -> String {
        let parts = max(duration, .zero).components
        let milliseconds =
            Int(parts.seconds) * 1_000 + Int((parts.attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
        let places = String(milliseconds % 1_000)
        return "\(milliseconds / 1_000)." + String(repeating: "0", count: 3 - places.count) + places
    }

    /// A nonce is printable ASCII, so only two characters need an escape (RFC 8259, section 7).
    private static func escaped(_ nonce: String) -> String {
        nonce.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    }
}
