import CollectorSupport
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Shared

/// Who sent a request, and what they may do.
struct Caller: Sendable {
    var scopes: AccessControl.Scopes = []
    /// For the log: where the token comes from; nil without one.
    var name: String?
    /// The session of a browser; nil for a token in a header.
    var session: Session?
}

/// How a listener is reached.
struct ListenerAccess: Sendable {
    let reach: AccessControl.Reach
    /// True if the service itself does TLS there.
    let isEncrypted: Bool

    /// True if a cookie must be sent over TLS alone: everywhere but to loopback.
    ///
    /// A proxy that does TLS is reached by another name. Browsers keep such cookies for loopback, too.
    func isSecure(host: String?) -> Bool {
        isEncrypted || reach == .network || !AccessControl.isLoopbackName(host)
    }
}

/// Decides about each request: tokens, sessions of browsers, limits. It keeps a record of what it refused.
final class AccessGate: Sendable {
    let sessions: Sessions
    private let model: ServiceModel
    private let identities: IdentityVerifier
    private let logger: Logger
    /// Failed authentications of each address: ten a minute, and twenty at once.
    private let failures = RateLimiter(interval: 6_000_000_000, burst: 20)
    /// Requests of each address.
    private let requests = RateLimiter(rate: 200, burst: 2_000)

    init(model: ServiceModel, sessions: Sessions, logger: Logger) {
        (self.model, self.sessions, self.logger) = (model, sessions, logger)
        identities = IdentityVerifier(logger: logger)
    }

    /// Reads the keys of the configured issuers.
    func prepare() { identities.prepare(model.access.identities) }

    static var now: Int64 { Int64(Date().timeIntervalSince1970) }

    // MARK: - Who asks

    /// - Throws: ``Problem`` for a token that is not known. It is never taken for none: who gives one means to use it.
    func caller(of request: Request, _ context: ServiceContext, _ listener: ListenerAccess) async throws -> Caller {
        let control = model.access
        let lines = request.headers[values: .authorization]
        guard lines.isEmpty else {
            return try await caller(of: lines, control, ClientAddress(peer: context.peer, request.headers))
        }
        let anonymous = control.anonymousScopes(listener.reach, host: request.head.authority)
        guard let (session, grant) = session(of: request, listener) else { return Caller(scopes: anonymous) }
        return Caller(
            scopes: grant.scopes.union(anonymous), name: "session of \(grant.name)", session: session)
    }

    private func caller(
        of lines: [String], _ control: AccessControl, _ address: ClientAddress
    ) async throws -> Caller {
        guard let token = BearerTokens.token(of: lines) else {
            throw failure(.token, of: address, "the Authorization header has no bearer token")
        }
        if IdentityToken.isOne(token), !control.identities.isEmpty, control.grant(of: token) == nil {
            return try await caller(ofIdentity: token, control, address)
        }
        let grant = try grant(of: token, from: address)
        return Caller(scopes: grant.scopes, name: grant.name)
    }

    private func caller(
        ofIdentity token: Substring, _ control: AccessControl, _ address: ClientAddress
    ) async throws -> Caller {
        try refuseIfFailedTooOften(address)
        do throws(IdentityVerifier.Failure) {
            let grant = try await identities.grant(
                of: token, control.identities, now: Date().timeIntervalSince1970)
            return Caller(scopes: grant.scopes, name: grant.name)
        } catch {
            switch error {
            case .refused(let refusal): throw failure(.identityToken, of: address, refusal.detail)
            case .unavailable(let detail):
                model.refusals.count(.identityToken)
                throw Problem.unavailable(detail, headers: [.retryAfter: "10"])
            }
        }
    }

    /// What a token of a file permits.
    ///
    /// - Throws: ``Problem`` if it is not known, or if its sender failed too often.
    func grant(
        of token: Substring, from address: ClientAddress
    ) throws(Problem) -> (name: String, scopes: AccessControl.Scopes) {
        try refuseIfFailedTooOften(address)
        guard let grant = model.access.grant(of: token) else {
            throw failure(.token, of: address, "the token is unknown to this service")
        }
        return grant
    }

    /// The session of a browser, and what its token permits.
    func session(
        of request: Request, _ listener: ListenerAccess
    ) -> (session: Session, grant: (name: String, scopes: AccessControl.Scopes))? {
        let name = SessionCookie.session.name(listener.isSecure(host: request.head.authority))
        for value in request.cookies(name) {
            if let session = sessions.session(value, at: Self.now),
                let grant = model.access.grant(of: session, in: sessions)
            {
                return (session, grant)
            }
        }
        return nil
    }

    // MARK: - What they may do

    /// Refuses a request without the scope, or one that another site made a browser send.
    func require(_ scope: ServiceConfiguration.Scope, of caller: Caller, _ request: Request) throws(Problem) {
        if !caller.scopes.permit(scope) {
            guard caller.name != nil else { throw Self.unauthorized("this request needs a token") }
            model.refusals.count(.scope)
            throw Problem(
                .forbidden, "the token does not have the scope '\(scope.rawValue)'",
                remedy: "use a token with this scope, or add it to the token's scopes in the service's configuration")
        }
        guard let session = caller.session, !request.isSafe else { return }
        let sent = request.headers[named: "X-CSRF-Token"]
        try requireOwnForm(request, token: sent, owner: session.id)
    }

    /// Refuses a form that another site sent, or made a browser send.
    ///
    /// - Parameter token: the form's ``Sessions/formToken(for:)``.
    func requireOwnForm(_ request: Request, token: String?, owner: [UInt8]?) throws(Problem) {
        let isOwn = owner.map { sessions.isFormToken(token ?? "", for: $0) } ?? false
        guard isOwn, origin(of: request) != .foreign else {
            model.refusals.count(.foreign)
            throw Problem(
                .forbidden, "the request does not come from a page of this service",
                remedy:
                    "reload the page and send the form again. From a script, send a bearer token instead of the cookie")
        }
    }

    func origin(of request: Request) -> RequestOrigin {
        let own = [
            request.head.authority, model.publicURL.map { String($0.split(separator: "/").dropFirst().first ?? "") },
        ]
        return RequestOrigin(request.headers, hosts: Set(own.compactMap { $0?.lowercased() }))
    }

    // MARK: - Limits

    /// - Throws: ``Problem`` if an address asks too fast.
    func limit(_ address: ClientAddress) throws(Problem) {
        guard !address.isShared, let seconds = requests.refusal(address.name, now: Self.uptime) else { return }
        throw tooMany("more than 200 requests per second from this address", retryAfter: seconds)
    }

    /// A token that is not accepted, and one failure more of its sender.
    func failure(_ reason: RefusalCounters.Reason, of address: ClientAddress, _ detail: String) -> Problem {
        if let seconds = failures.refusal(address.name, now: Self.uptime) { return tooManyFailures(seconds) }
        model.refusals.count(reason)
        var problem = Self.unauthorized(detail)
        // RFC 6750, section 3.1.
        problem.headers[.wwwAuthenticate]? += ", error=\"invalid_token\""
        return problem
    }

    /// Refuses to look at a token whose sender failed too often.
    ///
    /// Everybody behind a proxy on this machine can have one address. There, a valid token is always accepted, because a stranger
    /// could otherwise lock out all others.
    func refuseIfFailedTooOften(_ address: ClientAddress) throws(Problem) {
        guard !address.isShared, let seconds = failures.wait(address.name, now: Self.uptime) else { return }
        throw tooManyFailures(seconds)
    }

    private func tooManyFailures(_ seconds: Int) -> Problem {
        tooMany("too many failed authentications from this address", retryAfter: seconds)
    }

    private func tooMany(_ detail: String, retryAfter seconds: Int) -> Problem {
        model.refusals.count(.rate)
        return Problem(
            .tooManyRequests, detail, remedy: "try again in \(seconds) s",
            headers: [.retryAfter: "\(seconds)"])
    }

    private static var uptime: UInt64 { NIODeadline.now().uptimeNanoseconds }

    static func unauthorized(_ detail: String) -> Problem {
        Problem(
            .unauthorized, detail,
            remedy:
                "send 'Authorization: Bearer TOKEN' with a token from access.tokens of the service's configuration, or sign "
                + "in at /login",
            headers: [.wwwAuthenticate: "Bearer realm=\"buildinfo\""])
    }

    // MARK: - Record

    /// A line in the log about a sign-in, or about a write that was refused. It has no token.
    func record(_ event: Logger.Message, _ request: Request, _ context: ServiceContext, _ more: Logger.Metadata) {
        let address = ClientAddress(peer: context.peer, request.headers)
        logger.notice(event, metadata: more.merging(["address": "\(address.name)"]) { given, _ in given })
    }

    func recordRefusal(_ problem: Problem, _ request: Request, _ context: ServiceContext, _ caller: Caller?) {
        // A flood of them is refused for its rate, and leaves no lines.
        guard !request.isSafe, problem.status != .tooManyRequests else { return }
        record(
            "Request refused", request, context,
            [
                "method": "\(request.method.rawValue)", "path": "\(Sanitizer.singleLine(request.uri.path, limit: 200))",
                "status": "\(problem.status.code)", "reason": "\(problem.detail)",
                "caller": "\(caller?.name ?? "unknown")",
            ])
    }
}

extension Request {
    /// True for methods that change nothing.
    var isSafe: Bool { [.get, .head, .options].contains(method) }

    /// The values of a cookie, at most four: a page of a neighbouring domain can set more with the same name.
    func cookies(_ name: String) -> [Substring] {
        let pairs = headers[values: .cookie].joined(separator: ";").split(separator: ";").map { $0.drop { $0 == " " } }
        return pairs.filter { $0.hasPrefix("\(name)=") }.prefix(4).map { $0.dropFirst(name.count + 1) }
    }
}

/// Finds out who sent a request, and refuses it without the scope.
struct AccessMiddleware: RouterMiddleware {
    typealias Context = ServiceContext

    let gate: AccessGate
    /// The scope of every route behind it.
    let scope: ServiceConfiguration.Scope
    let listener: ListenerAccess

    func handle(
        _ request: Request, context: ServiceContext,
        next: (Request, ServiceContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        var caller: Caller?
        do {
            let known = try await gate.caller(of: request, context, listener)
            caller = known
            try gate.require(scope, of: known, request)
            context.caller = known
        } catch let problem as Problem {
            gate.recordRefusal(problem, request, context, caller)
            throw problem
        }
        var response = try await next(request, context)
        if let session = context.caller.session { gate.renew(session, request, listener, &response) }
        return response
    }
}

/// Refuses requests of an address that asks too fast.
struct RequestLimitMiddleware: RouterMiddleware {
    typealias Context = ServiceContext

    let gate: AccessGate

    func handle(
        _ request: Request, context: ServiceContext,
        next: (Request, ServiceContext) async throws -> Response
    ) async throws -> Response {
        if request.uri.path != "/healthz" { try gate.limit(ClientAddress(peer: context.peer, request.headers)) }
        return try await next(request, context)
    }
}
