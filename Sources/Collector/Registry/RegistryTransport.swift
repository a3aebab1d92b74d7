import FoundationEssentials
import Shared
import Transfer

/// Brings requests to registries and their answers back: where a registry is, how it lets us in, and when to ask again.
///
/// Credentials leave it for two places only: the registry itself, and the token service that it names, if that one may have
/// them. It remembers tokens as long as they are good, and asks for credentials only when a registry wants any.
package actor RegistryTransport {
    private let web: WebClient
    private let access: RegistryAccess
    private let clock = ContinuousClock()
    private var endpoints: [String: RegistryEndpoint] = [:]
    private var granted: [String: (authorization: RegistryAuthorization, until: ContinuousClock.Instant)] = [:]

    /// One attempt; a registry that says nothing for so long is asked again.
    private static let attemptLimit = Duration.seconds(20)
    private static let slack = Duration.seconds(5)

    init(web: WebClient, access: RegistryAccess) {
        self.web = web
        self.access = access
    }

    /// Sends it, again where that can help, and lets itself in at most once.
    ///
    /// - Returns: the registry's answer, whatever its status, but 401.
    func send(
        _ request: RegistryRequest, until deadline: ContinuousClock.Instant
    ) async throws(RegistryError) -> TransferResponse {
        let endpoint = try await endpoint(of: request, until: deadline)
        let key = "\(request.repository.registry) \(request.scope)"
        if let known = granted[key], known.until <= clock.now { granted[key] = nil }
        let first = try await exchange(request, at: endpoint, granted[key]?.authorization, until: deadline)
        guard first.status == 401 else { return first }
        granted[key] = nil
        let authorization = try await authorize(request, first, at: endpoint, key: key, until: deadline)
        let second = try await exchange(request, at: endpoint, authorization, until: deadline)
        guard second.status != 401 else {
            granted[key] = nil
            throw .denied(request.subject, reason: "the registry takes neither these credentials nor their token (401)")
        }
        return second
    }

    /// Fetches what a registry pointed to: without any authorization, wherever it is.
    func fetch(
        _ url: String, for request: RegistryRequest, isLoopback: Bool, until deadline: ContinuousClock.Instant
    ) async throws(RegistryError) -> TransferResponse {
        let access = access.transferAccess(isLoopback: isLoopback)
        return try await perform(request, isRepeatable: true, until: deadline) { limit in
            WebRequest(url: url, within: limit, access: access)
        }
    }

    /// Where the registry is. Encrypted, but for `--plain-http` and for a loopback registry that speaks in the clear.
    func endpoint(
        of request: RegistryRequest, until deadline: ContinuousClock.Instant
    ) async throws(RegistryError) -> RegistryEndpoint {
        let registry = request.repository.registry
        if let known = endpoints[registry] { return known }
        guard let encrypted = RegistryEndpoint(registry: registry, isEncrypted: true),
            let plain = RegistryEndpoint(registry: registry, isEncrypted: false)
        else { throw .contradiction("'\(Sanitizer.singleLine(registry, limit: 80))' is no registry's name") }
        var chosen = access.usesPlainHTTP ? plain : encrypted
        if !access.usesPlainHTTP, encrypted.origin.isLoopback, access.certificateAuthorities == nil {
            // As Docker does for loopback registries. Nothing secret is in this question.
            let limit = min(Self.attemptLimit, deadline - clock.now)
            let ping = WebRequest(
                url: "\(plain.base)/v2/", within: limit, access: access.transferAccess(isLoopback: true))
            do throws(TransferFailure) {
                // A server that wants TLS answers 400 to what is not.
                if try await web.send(ping).status != 400 { chosen = plain }
            } catch {
                if case .refused = error { chosen = plain }
            }
        }
        endpoints[registry] = chosen
        return chosen
    }

    // MARK: - Asking

    private func exchange(
        _ request: RegistryRequest, at endpoint: RegistryEndpoint, _ authorization: RegistryAuthorization?,
        until deadline: ContinuousClock.Instant
    ) async throws(RegistryError) -> TransferResponse {
        let access = access.transferAccess(isLoopback: endpoint.origin.isLoopback)
        let headers =
            request.headers + (request.isFresh ? [("Cache-Control", "no-cache")] : [])
            + (authorization.map { [("Authorization", $0.header)] } ?? [])
        return try await perform(request, isRepeatable: request.isReading, until: deadline) { limit in
            var sent = WebRequest(
                request.method, url: "\(endpoint.base)/v2/\(request.path)", headers: headers, within: limit,
                access: access)
            sent.isFresh = request.isFresh
            return sent
        }
    }

    /// Makes a request, again while ``RetryRule`` says so.
    private func perform(
        _ request: RegistryRequest, isRepeatable: Bool, until deadline: ContinuousClock.Instant,
        _ make: (_ within: Duration) -> WebRequest
    ) async throws(RegistryError) -> TransferResponse {
        let rule = RetryRule(isRepeatable: isRepeatable)
        var attempt = 0
        while true {
            attempt += 1
            guard clock.now < deadline else { throw .unavailable(request.subject, reason: "the time for it is up") }
            let outcome: RetryRule.Outcome
            let answer: Result<TransferResponse, TransferFailure>
            do throws(TransferFailure) {
                let response = try await web.send(make(min(Self.attemptLimit, deadline - clock.now)))
                let wish = RetryAfter.duration(
                    response.headers["retry-after"], now: Date().timeIntervalSince1970)
                outcome = .status(response.status, retryAfter: wish)
                answer = .success(response)
            } catch {
                outcome = .failure(error)
                answer = .failure(error)
            }
            if case .again(let pause) = rule.decide(outcome, attempt: attempt, remaining: deadline - clock.now) {
                do { try await clock.sleep(for: pause) } catch {
                    throw .unavailable(request.subject, reason: "the work was cancelled")
                }
                continue
            }
            return try Self.result(answer, request)
        }
    }

    private static func result(
        _ answer: Result<TransferResponse, TransferFailure>, _ request: RegistryRequest
    ) throws(RegistryError) -> TransferResponse {
        do throws(TransferFailure) {
            return try answer.get()
        } catch {
            let host = Sanitizer.singleLine(request.repository.registry, limit: 80)
            let reason = "\(host) gave no whole answer (\(Sanitizer.singleLine(error.detail, limit: 160)))"
            switch error {
            // What was never sent was not taken either.
            case .dns, .refused, .tls, .local: throw .unavailable(request.subject, reason: reason)
            case .timeout, .tooLarge, .protocolError, .cancelled:
                throw request.isReading
                    ? .unavailable(request.subject, reason: reason) : .uncertainPut(request.subject, reason: reason)
            }
        }
    }

    // MARK: - Being let in

    private func authorize(
        _ request: RegistryRequest, _ response: TransferResponse, at endpoint: RegistryEndpoint, key: String,
        until deadline: ContinuousClock.Instant
    ) async throws(RegistryError) -> RegistryAuthorization {
        let challenges = AuthenticationChallenge.all(in: response.headers["www-authenticate"] ?? "")
        let credential = try await access.credentials.credential(
            registry: request.repository.registry, path: request.repository.path, within: deadline - clock.now)
        if let challenge = challenges.first(where: { $0.scheme == "bearer" }) {
            if case .registryToken(let token)? = credential { return .bearer(token) }
            let token = try await token(challenge, request, credential, at: endpoint, until: deadline)
            let authorization = RegistryAuthorization.bearer(token.token)
            granted[key] = (authorization, clock.now + max(.zero, token.lifetime - Self.slack))
            return authorization
        }
        guard challenges.contains(where: { $0.scheme == "basic" }) else {
            throw .denied(
                request.subject,
                reason: "the registry wants to know who asks (401), and names no way that is known here")
        }
        guard case .password(let user, let password)? = credential else {
            throw .denied(request.subject, reason: "the registry wants a user and a password (401): \(Self.logIn)")
        }
        let authorization = RegistryAuthorization.basic(user: user, password: password)
        granted[key] = (authorization, clock.now + .seconds(3_600))
        return authorization
    }

    private static let logIn = "log in with docker login or skopeo login, or give --registry-auth-file"

    private func token(
        _ challenge: AuthenticationChallenge, _ request: RegistryRequest, _ credential: RegistryCredential?,
        at endpoint: RegistryEndpoint, until deadline: ContinuousClock.Instant
    ) async throws(RegistryError) -> TokenResponse {
        guard let wanted = TokenRequest(challenge, needed: request.scope) else {
            throw .denied(request.subject, reason: "the registry names a token service (realm) that cannot be asked")
        }
        guard credential == nil || wanted.mayHaveCredentials(of: endpoint.origin) else {
            throw .denied(
                request.subject,
                reason:
                    "the registry names the token service \(Sanitizer.singleLine(wanted.shownOrigin, limit: 100)), which is "
                    + "neither https nor on the registry's own host: credentials are not sent there")
        }
        let access = access.transferAccess(isLoopback: wanted.isLoopback)
        var asking = request
        // A token that was asked for twice is no harm, whatever it is for.
        asking.method = .get
        let response = try await perform(asking, isRepeatable: true, until: deadline) { limit in
            wanted.request(credential, within: limit, access: access)
        }
        let place = Sanitizer.singleLine(wanted.shownOrigin, limit: 100)
        switch response.status {
        case 200:
            guard let token = TokenResponse(parsing: response.body) else {
                throw .unavailable(request.subject, reason: "the token service \(place) answered without a token")
            }
            return token
        case 400, 401, 403:
            let whose = credential == nil ? "anonymous requests (\(Self.logIn))" : "these credentials"
            throw .denied(
                request.subject, reason: "the token service \(place) does not take \(whose) (\(response.status))")
        default:
            throw .unavailable(
                request.subject, reason: "the token service \(place) answered with status \(response.status)")
        }
    }
}

/// One request to a registry's API, before anybody knows where the registry is and how it lets us in.
package struct RegistryRequest: Sendable {
    /// What a person calls it: the reference that it is about.
    var subject: String
    var repository: ImageReference
    var method = TransferRequest.Method.get
    /// Behind `/v2/`.
    var path: String
    var headers: [(name: String, value: String)] = []
    /// Whether it is sent on a connection of its own, and asks caches in between to ask again: what was written a moment ago
    /// may be on one of a registry's machines and not yet on the others.
    var isFresh = false

    /// Whether doing it twice is the same as doing it once, and leaves nothing behind.
    var isReading: Bool { method == .get || method == .head }

    /// The scope of a token that lets it pass.
    var scope: String { "repository:\(repository.path):\(isReading ? "pull" : "pull,push")" }
}

/// How registries are reached: whom to believe, in the clear or not, and where credentials come from.
package struct RegistryAccess: Sendable {
    /// PEM bundle that replaces the system's authorities.
    package var certificateAuthorities: String?
    /// Every registry is asked in the clear.
    package var usesPlainHTTP = false
    package var credentials: CredentialSources

    package init(certificateAuthorities: String? = nil, usesPlainHTTP: Bool = false, credentials: CredentialSources) {
        self.certificateAuthorities = certificateAuthorities
        self.usesPlainHTTP = usesPlainHTTP
        self.credentials = credentials
    }

    /// - Parameter isLoopback: whether this very machine is asked, which no proxy can reach.
    func transferAccess(isLoopback: Bool) -> RequestCredentials {
        RequestCredentials(certificateAuthorities: certificateAuthorities, usesProxy: !isLoopback)
    }
}
