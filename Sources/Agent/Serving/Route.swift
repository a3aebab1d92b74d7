import Shared

/// The resource that a request asks for, determined by its target.
enum Route: Hashable, Sendable {
    case document(service: String, nonce: Nonce?)
    case health
    case metrics
    case badNonce
    case notFound

    /// - Parameters:
    ///   - target: the target of the request line: a path with an optional query, or an absolute `http` URL.
    ///   - services: the services, of which the first answers `/buildinfo`.
    init(target: String, services: [String]) {
        var rest = target[...]
        if rest.hasPrefix("http://") || rest.hasPrefix("https://") {
            let afterScheme = rest.drop { $0 != ":" }.dropFirst(3)
            rest = afterScheme.drop { $0 != "/" }
        }
        let path = rest.prefix { $0 != "?" && $0 != "#" }
        let query = rest[path.endIndex...].dropFirst().prefix { $0 != "#" }
        switch path {
        case "/buildinfo", "/api/buildinfo":
            guard let first = services.first else { break }
            self = Self.document(first, query)
            return
        case "/healthz":
            self = .health
            return
        case "/metrics":
            self = .metrics
            return
        default:
            let prefix = "/buildinfo/"
            guard path.hasPrefix(prefix), services.contains(String(path.dropFirst(prefix.count))) else { break }
            self = Self.document(String(path.dropFirst(prefix.count)), query)
            return
        }
        self = .notFound
    }

    private static func document(_ service: String, _ query: Substring) -> Route {
        let values = query.split(separator: "&" as Character).compactMap { item -> Substring? in
            let name = item.prefix { $0 != "=" }
            return name == BuildinfoProtocol.nonceQueryItem ? item[name.endIndex...].dropFirst() : nil
        }
        guard let value = values.first else { return .document(service: service, nonce: nil) }
        // Only one nonce can be echoed.
        guard values.count == 1, let nonce = Nonce(percentEncoded: value) else { return .badNonce }
        return .document(service: service, nonce: nonce)
    }
}

/// A collector's nonce, which only a fresh answer can carry: 1 to 128 printable ASCII characters.
struct Nonce: Hashable, Sendable {
    let text: String

    /// Decodes the value of a query item (RFC 3986, section 2.1). A plus sign stands for itself, unlike in HTML forms.
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
