import CollectorSupport
import HTTPTypes
import Hummingbird
import Logging
import Reports
import Shared

/// `/login` and `/logout`: browsers, which cannot send a token in a header, exchange it for a cookie.
struct LoginRoutes {
    let gate: AccessGate
    let model: ServiceModel
    let listener: ListenerAccess

    static let path = "/login"
    static let endPath = "/logout"

    // MARK: - Sign in

    func form(_ request: Request, _ context: ServiceContext) throws -> Response {
        let query = try Query(request, ["next", "state"], canBeEmpty: ["next"])
        let next = ReturnPath.checked(try query.one("next"))
        if let (session, grant) = gate.session(of: request, listener) {
            guard let next else { return page(of: session, grant.name) }
            return Self.redirect(next)
        }
        let notice = try query.one("state") == "ended" ? "You have signed out." : nil
        var response = form(request, next, notice)
        guard ["cross-site", "same-site"].contains(request.headers[named: "Sec-Fetch-Site"]) else { return response }
        // Browsers hold their cookies back after a link from another site, and send them from this page.
        response.headers[named: "Refresh"] = "0; url=\(Self.link(next))"
        return response
    }

    func signIn(_ request: Request, _ context: ServiceContext) async throws -> Response {
        var next: String?
        do {
            let fields = try await Self.fields(request, context, ["token", "next", "csrf"])
            next = ReturnPath.checked(try fields.one("next"))
            return try signIn(request, context, fields, next)
        } catch let problem as Problem {
            gate.recordRefusal(problem, request, context, nil)
            guard AcceptedType.html.isNamed(by: request) else { throw problem }
            var response = form(request, next, problem.detail, problem)
            for field in problem.headers { response.headers[field.name] = field.value }
            return response
        }
    }

    private func signIn(
        _ request: Request, _ context: ServiceContext, _ fields: Query, _ next: String?
    ) throws(Problem) -> Response {
        let sent = try fields.one("csrf")
        // A program was not made to send this by a web page, and has no form.
        if gate.origin(of: request) != .program || sent != nil {
            try gate.requireOwnForm(request, token: sent, owner: formOwner(request))
        }
        guard let token = try fields.one("token")?.trimmed else {
            throw Problem(.badRequest, "the token is missing", remedy: "send the field 'token'")
        }
        let address = ClientAddress(peer: context.peer, request.headers)
        let grant = try gate.grant(of: token[...], from: address)
        guard grant.scopes.permit(.read) else {
            model.refusals.count(.scope)
            throw Problem(
                .forbidden, "the token does not have the scope 'read', which pages need",
                remedy: "use a token with this scope")
        }
        if let (former, _) = gate.session(of: request, listener) { try end(former) }
        let session = gate.sessions.begin(with: SHA256.hash(token.utf8), at: AccessGate.now)
        var response = Self.redirect(next ?? "/")
        gate.set(session, request, listener, &response)
        set(.form, "", seconds: 0, request, &response)
        gate.record("Signed in", request, context, ["token": "\(grant.name)"])
        return response
    }

    // MARK: - Sign out

    /// The page of a browser that is signed in.
    func endForm(_ request: Request, _ context: ServiceContext) throws -> Response {
        _ = try Query(request, [])
        guard let (session, grant) = gate.session(of: request, listener) else { return Self.redirect(Self.path) }
        return page(of: session, grant.name)
    }

    func signOut(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let sent = try await Self.fields(request, context, ["csrf"]).one("csrf")
        var response = Self.redirect("\(Self.path)?state=ended")
        // A form of another site comes without the cookie. To remove the cookie would sign the browser out.
        guard let (session, grant) = gate.session(of: request, listener) else { return response }
        do {
            try gate.requireOwnForm(request, token: sent, owner: session.id)
        } catch {
            gate.recordRefusal(error, request, context, Caller(name: "session of \(grant.name)"))
            throw error
        }
        try end(session)
        gate.record("Signed out", request, context, ["token": "\(grant.name)"])
        set(.session, "", seconds: 0, request, &response)
        return response
    }

    private func end(_ session: Session) throws(Problem) {
        do {
            try gate.sessions.end(session, at: AccessGate.now)
        } catch {
            throw Problem.unavailable("\(error)")
        }
    }

    // MARK: - Parts

    /// The fields of a form.
    private static func fields(
        _ request: Request, _ context: ServiceContext, _ names: [String]
    ) async throws -> Query {
        let type = request.headers[.contentType]?.split(separator: ";").first
        guard type?.lowercased().trimmed == "application/x-www-form-urlencoded" else {
            throw Problem(
                .unsupportedMediaType, "the body is not a form",
                remedy: "send Content-Type: application/x-www-form-urlencoded")
        }
        let body = try await request.body.collect(upTo: context.maxUploadSize)
        return try Query(
            parsing: String(decoding: body.readableBytesView, as: UTF8.self), names, canBeEmpty: ["next", "csrf"])
    }

    /// The random number that a browser's form belongs to; nil before it has loaded one.
    private func formOwner(_ request: Request) -> [UInt8]? {
        let name = SessionCookie.form.name(listener.isSecure(host: request.head.authority))
        return request.cookies(name).lazy.compactMap { Base64URL.decode($0) }.first { $0.count == 16 }
    }

    private func form(_ request: Request, _ next: String?, _ notice: String?, _ problem: Problem? = nil) -> Response {
        let known = formOwner(request)
        let owner = known ?? .random(16)
        let page = LoginPage(
            token: gate.sessions.formToken(for: owner), next: next, notice: notice, isError: problem != nil,
            isUnencrypted: isUnencrypted(request))
        var response = page.response(problem?.status ?? .ok)
        // A new cookie would replace the one that a form in another tab belongs to, and that another site's request lacks.
        if known == nil, gate.origin(of: request) != .foreign {
            set(.form, Base64URL.encode(owner), seconds: nil, request, &response)
        }
        return response
    }

    private func page(of session: Session, _ name: String) -> Response {
        SessionPage(token: gate.sessions.formToken(for: session.id), name: name).response
    }

    /// True if the browser will not keep the cookie, because the token went over the network in the clear.
    private func isUnencrypted(_ request: Request) -> Bool {
        let host = request.head.authority
        return !listener.isEncrypted && !AccessControl.isLoopbackName(host)
            && request.headers[named: "X-Forwarded-Proto"] != "https" && model.publicURL?.hasPrefix("https://") != true
    }

    private func set(
        _ cookie: SessionCookie, _ value: String, seconds: Int64?, _ request: Request, _ response: inout Response
    ) {
        let isSecure = listener.isSecure(host: request.head.authority)
        response.headers.append(
            .init(name: .setCookie, value: cookie.header(value, isSecure: isSecure, seconds: seconds)))
    }

    /// The page to sign in, which leads back to a page.
    static func link(_ next: String?) -> String { next.map { "\(path)?next=\($0.percentEncoded)" } ?? path }

    static func redirect(_ location: String) -> Response {
        Response(status: .seeOther, headers: [.location: location])
    }
}
