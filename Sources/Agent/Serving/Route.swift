import Shared

/// What a request asks for: a pure function of its target.
enum Route: Hashable, Sendable {
    case document(service: String, nonce: Nonce?)
    case health
    case metrics
    case badNonce
    case notFound

    /// - Parameters:
    ///   - target: as in the request line: a path with an optional query, or an absolute `http` URL.
    ///   - services: the first answers for `/buildinfo`.
    init(target: String, services: [String]) {
        var rest = target[...]
        if rest.hasPrefix("http://") || rest.hasPrefix("https://") {
            let behindScheme = rest.drop { $0 != ":" }.dropFirst(3)
            rest = behindScheme.drop { $0 != "/" }
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
        // Of two nonces one would not be echoed.
        guard values.count == 1, let nonce = Nonce(percentEncoded: value) else { return .badNonce }
        return .document(service: service, nonce: nonce)
    }
}
