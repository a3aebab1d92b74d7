import CollectorSupport
import Shared

/// The address of a collector service.
package struct ServiceAddress: Hashable, Sendable, CustomStringConvertible {
    /// The base URL without a trailing slash, for example `https://deploys.example`.
    let base: String

    /// - Parameter text: an `https` URL, or `http` on loopback: whoever can change the service's answers can make them green.
    package init(parsing text: String) throws(ParseError) {
        let typed = String(text.reversed().drop { $0 == "/" }.reversed())
        guard let scheme = typed.firstRange(of: "://") else {
            throw .malformed("is not an https URL: start it with https://")
        }
        let parts: HTTPAddress
        do throws(HostAddress.ParseError) {
            parts = try HTTPAddress(parsing: typed, scheme: scheme)
        } catch {
            throw .malformed(
                error == .hasUser ? "contains a user or password: use --server-token-file" : error.description)
        }
        guard !parts.path.contains("?") else { throw .malformed("has a query: remove '?' and the rest") }
        base = typed[..<scheme.upperBound].lowercased() + parts.authority.lowercased() + parts.path
        guard !HostAddress.isInTheClear(base) else { throw .inTheClear }
    }

    /// True without TLS.
    var isPlain: Bool { base.hasPrefix("http://") }

    package var description: String { base }

    /// The reason that a text is not a service's address. The description follows the option's name in a sentence.
    package enum ParseError: Error, Hashable, CustomStringConvertible {
        case malformed(String)
        case inTheClear

        package var description: String {
            switch self {
            case .malformed(let reason): reason
            case .inTheClear: "is an http URL beyond loopback: use https, because the service's answers decide the gate"
            }
        }
    }
}
