import Shared

/// What a collector sends along so that only a fresh answer can carry it: 1 to 128 printable ASCII characters.
struct Nonce: Hashable, Sendable {
    let text: String

    /// Takes the value of a query item as it stands in the URL, still percent-encoded (RFC 3986, section 2.1).
    ///
    /// A plus sign is a plus sign: this is no HTML form.
    init?(percentEncoded: Substring) {
        var bytes: [UInt8] = []
        var rest = percentEncoded.utf8[...]
        while let byte = rest.popFirst() {
            var decoded = byte
            if byte == UInt8(ascii: "%") {
                guard let high = rest.popFirst()?.hexValue, let low = rest.popFirst()?.hexValue else { return nil }
                decoded = high << 4 | low
            }
            guard (0x20...0x7E).contains(decoded), bytes.count < BuildinfoProtocol.maximumNonceLength else {
                return nil
            }
            bytes.append(decoded)
        }
        guard !bytes.isEmpty else { return nil }
        text = String(decoding: bytes, as: UTF8.self)
    }
}

extension UInt8 {
    fileprivate var hexValue: UInt8? {
        switch self {
        case 48...57: self - 48
        case 65...70: self - 55
        case 97...102: self - 87
        default: nil
        }
    }
}
