import Shared
import Transfer

/// What the headers of an answer say of what it is an answer to: everything that a 304 has to prove by itself.
package struct ResponseValidators: Sendable {
    /// nil where there was no answer.
    var status: Int?
    /// The request was held, as it had asked for (RFC 7240, `Preference-Applied`).
    var wasHeld = false
    /// The answer's entity tag; nil where it has none that can be sent back.
    var tag: String?
    var nonce: String?
    var host: String?
    /// Seconds since the agent's look.
    var age: Double?

    /// What was said before still holds.
    var isUnchanged: Bool { status == 304 }

    init() {}

    init(status: Int, headers: TransferHeaders) {
        self.status = status
        wasHeld = headers["preference-applied"]?.hasPrefix("wait") ?? false
        tag = headers["etag"].flatMap { Self.isUsable($0) ? $0 : nil }
        nonce = headers[BuildinfoProtocol.Header.nonce]
        host = headers[BuildinfoProtocol.Header.host]
        age = headers[BuildinfoProtocol.Header.age].flatMap(Double.init)
            .flatMap { $0.isFinite && $0 >= 0 ? max($0, StoredAnswer(headers).age) : nil }
    }

    /// An entity tag (RFC 9110, section 8.8.3) that is short and of characters that stay on a line.
    private static func isUsable(_ tag: String) -> Bool {
        let quoted = tag.hasPrefix("W/") ? tag.dropFirst(2) : tag[...]
        guard quoted.count >= 2, quoted.utf8.count <= 128, quoted.first == "\"", quoted.last == "\"" else {
            return false
        }
        return quoted.dropFirst().dropLast().utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") }
    }
}
