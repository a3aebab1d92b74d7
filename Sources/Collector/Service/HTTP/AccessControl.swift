import CollectorSupport
import HTTPTypes
import Hummingbird
import Shared
import Synchronization

/// Who may do what: tokens with scopes, kept as hashes, and reading without one.
struct AccessControl: Sendable {
    /// The tokens of one file.
    struct Grant: Sendable {
        let tokens: BearerTokens
        let scopes: Set<ServiceConfiguration.Scope>
    }

    var grants: [Grant] = []
    /// True if everybody may read, wherever they come from.
    var allowsAnonymous = false

    /// Who reaches the address that a request came to.
    enum Reach: Sendable {
        /// Processes that can open a unix socket.
        case socket
        /// Processes of this machine, and web pages in its browsers.
        case loopback
        case network
    }

    /// The name under which a proxy or a browser may ask without a token on loopback; nil for none.
    var publicHost: String?

    /// The scopes of a request.
    ///
    /// - Parameter host: the name that the request was sent to.
    /// - Throws: ``Problem`` for a token that is not known. It is never taken for none: who gives one means to use it.
    func scopes(
        authorization: String?, reach: Reach, host: String?
    ) throws(Problem) -> Set<ServiceConfiguration.Scope> {
        guard let authorization else { return isLocal(reach, host) || allowsAnonymous ? [.read] : [] }
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else {
            throw Self.unauthorized("the Authorization header is not a bearer token")
        }
        // Every file is looked at, so that the time tells nothing.
        var scopes: Set<ServiceConfiguration.Scope> = []
        var isKnown = false
        for grant in grants where grant.tokens.contains(parts[1]) {
            scopes.formUnion(grant.scopes)
            isKnown = true
        }
        guard isKnown else { throw Self.unauthorized("the token is not one of this service's") }
        return scopes
    }

    /// True if this machine asks.
    ///
    /// A web page can point a name of its own to loopback, and then read what is there (DNS rebinding). Its requests have that
    /// name as their host.
    private func isLocal(_ reach: Reach, _ host: String?) -> Bool {
        switch reach {
        case .socket: return true
        case .network: return false
        case .loopback:
            guard let name = Self.name(host) else { return false }
            // A name such as 127.0.0.1.example is no address.
            let isAddress =
                name.hasPrefix("127.") && name.utf8.allSatisfy { $0.isASCIIDigit || $0 == UInt8(ascii: ".") }
            return name == "localhost" || name == "::1" || isAddress || name == publicHost
        }
    }

    /// A host without its port, in lower case.
    private static func name(_ host: String?) -> String? {
        guard let host = host?.lowercased() else { return nil }
        if host.hasPrefix("["), let end = host.firstIndex(of: "]") {
            return String(host[host.index(after: host.startIndex)..<end])
        }
        return String(host.prefix { $0 != ":" })
    }

    /// Refuses a request without a scope.
    func require(
        _ scope: ServiceConfiguration.Scope, among scopes: Set<ServiceConfiguration.Scope>, hasToken: Bool
    ) throws(Problem) {
        guard !scopes.contains(scope) else { return }
        guard hasToken else { throw Self.unauthorized("this needs a token") }
        throw Problem(
            .forbidden, "the token has no scope '\(scope.rawValue)'",
            remedy: "use a token with this scope, or add it to the token's scopes in the service's configuration")
    }

    private static func unauthorized(_ detail: String) -> Problem {
        Problem(
            .unauthorized, detail,
            remedy: "send 'Authorization: Bearer TOKEN' with a token from access.tokens of the service's configuration",
            headers: [.wwwAuthenticate: "Bearer realm=\"buildinfo\""])
    }
}

/// Finds the scopes of a request, and refuses a token that is not known.
struct AccessMiddleware: RouterMiddleware {
    typealias Context = ServiceContext

    let control: @Sendable () -> AccessControl
    /// The scope of every route behind it.
    let scope: ServiceConfiguration.Scope
    let reach: AccessControl.Reach

    func handle(
        _ request: Request, context: ServiceContext,
        next: (Request, ServiceContext) async throws -> Response
    ) async throws -> Response {
        let control = control()
        let authorization = request.headers[.authorization]
        var context = context
        context.scopes = try control.scopes(
            authorization: authorization, reach: reach, host: request.head.authority)
        try control.require(scope, among: context.scopes, hasToken: authorization != nil)
        return try await next(request, context)
    }
}
