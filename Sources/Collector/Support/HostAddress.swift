import Glibc
import Shared

/// A host as people write it in a list: `canvas-01`, `canvas-01:9480`, `[::1]:9480`, or an `http` or `https` URL.
///
/// Names are limited to letters, digits, `.`, `_` and `-`, so that nothing in a name can become another part of a URL.
/// A user or a password is refused, because the inventory and everything made from it would show it.
package struct HostAddress: Hashable, Sendable {
    /// The host's identity: the text as written, or for a URL its host, its port if given, and its path unless that path is
    /// usual.
    package let name: String
    private let form: Form

    private enum Form: Hashable, Sendable {
        /// An IPv6 literal keeps its brackets.
        case host(String, port: Int?)
        case url(String)
    }

    /// - Parameter service: decides which paths are usual and so not part of the name.
    package init(parsing text: String, service: String) throws(ParseError) {
        if let scheme = text.schemeMark {
            let url = try HTTPAddress(parsing: text, scheme: scheme)
            name = url.authority + (HTTPAddress.isUsual(path: url.path, service: service) ? "" : url.path)
            form = .url(text)
            return
        }
        guard !text.utf8.contains(Self.at) else { throw .hasUser }
        guard let (host, port) = Self.hostAndPort(text) else { throw .noHost }
        name = text
        form = .host(host, port: port)
    }

    /// The URL to request.
    ///
    /// - Parameters:
    ///   - port: for a host without a port of its own.
    ///   - scheme: `http` or `https`, for a host that is not a URL.
    package func url(service: String, port: Int, scheme: String = "http") -> String {
        switch form {
        case .url(let url): url
        case .host(let host, let own): "\(scheme)://\(host):\(own ?? port)/buildinfo/\(service)"
        }
    }

    /// Splits `host:port`; nil if the host is neither a name nor an address. IPv6 literals are returned in brackets.
    package static func hostAndPort(_ text: some StringProtocol) -> (host: String, port: Int?)? {
        let text = String(text)
        let bytes = text.utf8
        let first = bytes.firstIndex(of: colon)
        if let first, bytes[bytes.index(after: first)...].contains(colon) {
            if isIPv6(text) { return ("[\(text)]", nil) }
            guard text.hasPrefix("["), let end = text.firstIndex(of: "]"), isIPv6(text[..<end].dropFirst()) else {
                return nil
            }
            let rest = text[text.index(after: end)...]
            if rest.isEmpty { return (text, nil) }
            guard rest.first == ":", let port = port(rest.dropFirst()) else { return nil }
            return (String(text[...end]), port)
        }
        let host = bytes[..<(first ?? bytes.endIndex)]
        guard !host.isEmpty, host.allSatisfy(isNameByte), host.contains(where: { $0 != UInt8(ascii: ".") }) else {
            return nil
        }
        guard let first else { return (text, nil) }
        guard let port = port(text[bytes.index(after: first)...]) else { return nil }
        return (String(text[..<first]), port)
    }

    /// A port from 1 to 65535 in plain digits.
    package static func port(_ text: some StringProtocol) -> Int? {
        guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy(\.isASCIIDigit), let port = Int(text),
            (1...65_535).contains(port)
        else { return nil }
        return port
    }

    fileprivate static let at = UInt8(ascii: "@")
    fileprivate static let colon = UInt8(ascii: ":")

    /// True for the byte after a URL's authority.
    fileprivate static func endsAuthority(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "/") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#")
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
        // An address has 16 bytes.
        return withUnsafeTemporaryAllocation(byteCount: 16, alignment: 4) {
            inet_pton(AF_INET6, String(text), $0.baseAddress) == 1
        }
    }

    /// The reason that a text is not a host. The description follows "'…' " in a sentence, except that of ``hasUser``,
    /// which stands alone because the text must not be shown.
    package enum ParseError: Error, Hashable, Sendable {
        case hasUser, scheme, noHost, fragment, characters, tooLong

        /// True if a message can repeat the text.
        var isShowable: Bool { self != .hasUser }

        package var description: String {
            switch self {
            case .hasUser:
                "an address contains a user or password (not shown here): remove it, and use --token-file"
            case .scheme: "is not an http or https URL: start it with http:// or https://"
            case .noHost: "is not a host: expected NAME, NAME:PORT, [IPv6]:PORT, or an http or https URL"
            case .fragment: "has a fragment: remove '#' and what follows"
            case .characters: "has characters that are not allowed in a URL: percent-encode them"
            case .tooLong: "is longer than 2048 bytes"
            }
        }

        /// The whole sentence about `text`.
        package func message(about text: String) -> String {
            isShowable ? "'\(Sanitizer.singleLine(text, limit: 80))' \(description)" : description
        }
    }
}

extension HostAddress {
    /// True if requests to the URL cross a network unencrypted: plain HTTP to a host that is not loopback.
    package static func isInTheClear(_ url: String) -> Bool {
        guard let scheme = url.schemeMark, url[..<scheme.lowerBound].lowercased() == "http" else { return false }
        let rest = url[scheme.upperBound...]
        let authority = rest[..<(rest.utf8.firstIndex(where: endsAuthority) ?? rest.endIndex)]
        guard let (host, _) = hostAndPort(authority) else { return true }
        return !isLoopback(host.lowercased())
    }

    /// True for loopback addresses and `localhost`, but not for a name that merely starts like 127.0.0.0/8.
    private static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "[::1]" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}

extension String {
    /// The range of the first `://`.
    ///
    /// It is searched in bytes, because large inventories are read while a deadline waits, and characters take longer.
    package var schemeMark: Range<Index>? {
        var colon = utf8.firstIndex(of: UInt8(ascii: ":"))
        while let start = colon {
            let rest = utf8[start...]
            if rest.starts(with: "://".utf8) { return start..<utf8.index(start, offsetBy: 3) }
            colon = rest.dropFirst().firstIndex(of: UInt8(ascii: ":"))
        }
        return nil
    }
}

/// An `http` or `https` URL, taken apart. RFC 3986, sections 3.2 to 3.5.
package struct HTTPAddress: Hashable, Sendable {
    /// Host and port, as written.
    package let authority: String
    /// Path and query, as written; can be empty.
    package let path: String

    /// - Parameter scheme: the range of `://` in the text.
    package init(parsing text: String, scheme: Range<String.Index>) throws(HostAddress.ParseError) {
        let rest = text[scheme.upperBound...]
        let bytes = rest.utf8
        let end = bytes.firstIndex(where: HostAddress.endsAuthority) ?? rest.endIndex
        let authority = rest[..<end]
        // First of all, so that no other message repeats a password. A '/' or '?' in a password ends up here, too.
        guard !authority.utf8.contains(HostAddress.at), !Self.looksLikeUser(rest) else { throw .hasUser }
        guard text.utf8.count <= 2_048 else { throw .tooLong }
        guard ["http", "https"].contains(text[..<scheme.lowerBound].lowercased()) else { throw .scheme }
        guard !bytes.contains(UInt8(ascii: "#")) else { throw .fragment }
        guard bytes.allSatisfy(Self.isPlain) else { throw .characters }
        // Without brackets, an IPv6 literal is accepted as a name but not in a URL.
        guard HostAddress.hostAndPort(authority) != nil,
            authority.hasPrefix("[") || authority.utf8.count(where: { $0 == HostAddress.colon }) <= 1
        else { throw .noHost }
        self.authority = String(authority)
        path = String(rest[end...])
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "^"),
            UInt8(ascii: "`"), UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"):
            false
        default: byte.isVisibleASCII
        }
    }

    /// True for `user:pa/ss@host`, a password with an unescaped slash.
    private static func looksLikeUser(_ rest: Substring) -> Bool {
        let bytes = rest.utf8
        guard let at = bytes.lastIndex(of: HostAddress.at), let colon = bytes.firstIndex(of: HostAddress.colon),
            colon < at
        else { return false }
        return HostAddress.port(rest[bytes.index(after: colon)...].prefix { $0 != "/" && $0 != "?" }) == nil
    }

    /// True for a path that every host has, so that it does not distinguish hosts.
    fileprivate static func isUsual(path: String, service: String) -> Bool {
        ["", "/", "/buildinfo", "/api/buildinfo"].contains(path) || path == "/buildinfo/\(service)"
    }
}

/// The rule for service names, which become part of URLs.
package enum ServiceName {
    package static let rule = "is not a service name: use letters, digits, '.', '_' and '-', at most 128"

    package static func isUsable(_ name: String) -> Bool {
        (1...128).contains(name.utf8.count) && name != "." && name != ".."
            && name.utf8.allSatisfy { HostAddress.isNameByte($0) }
    }
}
