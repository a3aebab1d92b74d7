import Glibc
import Shared

/// A host as people write it in a list: `canvas-01`, `canvas-01:9480`, `[::1]:9480`, or an `http` or `https` URL.
///
/// Names are held to letters, digits, `.`, `_` and `-`, so that nothing in one can become another part of a URL. What has
/// a user or a password in it is refused, because an inventory and everything that is made of it would show them.
package struct HostAddress: Hashable, Sendable {
    /// What identifies the host: as it was written; for a URL its host, its port if given, and its path if it is no usual
    /// one.
    package var name: String
    private var form: Form

    private enum Form: Hashable, Sendable {
        /// IPv6 literals with their brackets.
        case host(String, port: Int?)
        case url(String)
    }

    /// - Parameter service: what tells a usual path from one that is a part of the name.
    package init(parsing text: String, service: String) throws(Defect) {
        if let scheme = text.firstRange(of: "://") {
            let url = try HTTPAddress(parsing: text, scheme: scheme)
            name = url.authority + (HTTPAddress.isUsual(path: url.path, service: service) ? "" : url.path)
            form = .url(text)
            return
        }
        guard !text.contains("@") else { throw .hasUser }
        guard let (host, port) = Self.hostAndPort(text) else { throw .noHost }
        name = text
        form = .host(host, port: port)
    }

    /// What to ask.
    ///
    /// - Parameters:
    ///   - port: where the host does not name one itself.
    ///   - scheme: `http` or `https`, where it is no URL.
    package func url(service: String, port: Int, scheme: String = "http") -> String {
        switch form {
        case .url(let url): url
        case .host(let host, let own): "\(scheme)://\(host):\(own ?? port)/buildinfo/\(service)"
        }
    }

    /// Splits `host:port`; nil for what is neither a name nor an address. IPv6 literals come back in brackets.
    package static func hostAndPort(_ text: some StringProtocol) -> (host: String, port: Int?)? {
        let text = String(text)
        if isIPv6(text) { return ("[\(text)]", nil) }
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]"), isIPv6(text[..<end].dropFirst()) else { return nil }
            let rest = text[text.index(after: end)...]
            if rest.isEmpty { return (text, nil) }
            guard rest.first == ":", let port = port(rest.dropFirst()) else { return nil }
            return (String(text[...end]), port)
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, let host = parts.first, !host.isEmpty, host.utf8.allSatisfy(isNameByte),
            host.utf8.contains(where: { $0 != UInt8(ascii: ".") })
        else { return nil }
        guard parts.count == 2 else { return (String(host), nil) }
        guard let port = port(parts[1]) else { return nil }
        return (String(host), port)
    }

    /// 1 to 65535 in plain digits.
    package static func port(_ text: some StringProtocol) -> Int? {
        guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }),
            let port = Int(text), (1...65_535).contains(port)
        else { return nil }
        return port
    }

    package static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private static func isIPv6(_ text: some StringProtocol) -> Bool {
        guard text.contains(":") else { return false }
        // An address has 16 bytes.
        return withUnsafeTemporaryAllocation(byteCount: 16, alignment: 4) {
            inet_pton(AF_INET6, String(text), $0.baseAddress) == 1
        }
    }

    /// Why a text is no host; what follows "'…' " in a sentence, or stands alone where the text must not be shown.
    package enum Defect: Error, Hashable, Sendable {
        case hasUser, scheme, noHost, fragment, characters, tooLong

        /// Whether the text may be repeated.
        var isShowable: Bool { self != .hasUser }

        package var description: String {
            switch self {
            case .hasUser:
                "an address holds a user or password (not shown here): take it out, and use --token-file"
            case .scheme: "is no http or https URL: begin it with http:// or https://"
            case .noHost: "is no host: write a name, name:port, [IPv6]:port, or an http or https URL"
            case .fragment: "has a fragment: take '#' and what follows out of the URL"
            case .characters: "has characters that no URL has: write them percent-encoded"
            case .tooLong: "is longer than 2048 bytes"
            }
        }

        /// The whole sentence about `text`.
        package func message(about text: String) -> String {
            isShowable ? "'\(Sanitizer.singleLine(text, limit: 80))' \(description)" : description
        }
    }
}
