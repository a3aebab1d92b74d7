import CollectorSupport
import HTTPTypes
import Shared

/// Who may do what: tokens with scopes, kept as hashes, and reading without one.
struct AccessControl: Sendable {
    typealias Scopes = Set<ServiceConfiguration.Scope>

    /// The tokens of one file.
    struct Grant: Sendable {
        /// The file's name, for the log.
        let name: String
        let tokens: BearerTokens
        let scopes: Scopes
    }

    /// Who reaches the address that a request came to.
    enum Reach: Sendable {
        /// Processes that can open a unix socket.
        case socket
        /// Processes of this machine, and web pages in its browsers.
        case loopback
        case network
    }

    var grants: [Grant] = []
    var identities: [IdentityRule] = []
    /// True if everybody may read, wherever they come from.
    var allowsAnonymous = false
    /// The name under which a proxy or a browser may ask without a token on loopback; nil for none.
    var publicHost: String?

    var hasTokens: Bool { !grants.isEmpty || !identities.isEmpty }
    /// False if nobody beyond this machine can do anything.
    var permitsAnything: Bool { hasTokens || allowsAnonymous }

    /// What a request without a token may do.
    ///
    /// - Parameter host: the name that the request was sent to.
    func anonymousScopes(_ reach: Reach, host: String?) -> Scopes {
        isLocal(reach, host) || allowsAnonymous ? [.read] : []
    }

    /// What a token permits; nil for one that is not known.
    func grant(of token: Substring) -> (name: String, scopes: Scopes)? {
        // Every file is looked at, so that the time tells nothing.
        merged { $0.tokens.contains(token) }
    }

    /// What the token of a session permits now; nil if it was removed.
    func grant(of session: Session, in sessions: Sessions) -> (name: String, scopes: Scopes)? {
        merged { $0.tokens.mapHashes { sessions.tag(of: $0) }.contains(session.token) }
    }

    private func merged(_ isIncluded: (Grant) -> Bool) -> (name: String, scopes: Scopes)? {
        let found = grants.filter(isIncluded)
        guard let first = found.first else { return nil }
        return (first.name, found.reduce(into: []) { $0.formUnion($1.scopes) })
    }

    /// True if this machine asks.
    ///
    /// A web page can point a name of its own to loopback, and then read what is there (DNS rebinding). Its requests have that
    /// name as their host.
    private func isLocal(_ reach: Reach, _ host: String?) -> Bool {
        switch reach {
        case .socket: true
        case .network: false
        case .loopback: Self.isLoopbackName(host) || host != nil && Self.name(host) == publicHost
        }
    }

    /// True for a host that browsers of this machine alone can mean.
    static func isLoopbackName(_ host: String?) -> Bool {
        guard let name = name(host) else { return false }
        // A name such as 127.0.0.1.example is no address.
        let isAddress = name.hasPrefix("127.") && name.utf8.allSatisfy { $0.isASCIIDigit || $0 == UInt8(ascii: ".") }
        return name == "localhost" || name == "::1" || isAddress
    }

    /// A host without its port and brackets, in lower case.
    static func name(_ host: String?) -> String? {
        guard let host = host?.lowercased() else { return nil }
        if host.hasPrefix("["), let end = host.firstIndex(of: "]") {
            return String(host[host.index(after: host.startIndex)..<end])
        }
        return String(host.prefix { $0 != ":" })
    }
}

extension AccessControl.Scopes {
    /// True if they include a scope. Who may start a verification may read, because its report says what hosts serve.
    func permit(_ scope: ServiceConfiguration.Scope) -> Bool {
        contains(scope) || scope == .read && contains(.verify)
    }
}
