import FoundationEssentials
import Shared
import Transfer

/// Sends requests to registries: finds the endpoint, authenticates and retries.
///
/// Credentials are sent only to the registry itself and to its token service, if that is permitted. Tokens are kept until
/// they expire, and credentials are looked up only when a registry requires them.
actor RegistryTransport {
    private let web: WebClient
    private let access: RegistryAccess
    private let clock = ContinuousClock()
    private var endpoints: [String: RegistryEndpoint] = [:]
    /// The failures over plain HTTP after which TLS was tried.
    private var plainFailures: [String: TransferFailure] = [:]
    private var authorizations: [String: (authorization: RegistryAuthorization, until: ContinuousClock.Instant)] = [:]

    /// The time limit of one attempt.
    private static let attemptLimit = Duration.seconds(20)
    /// The time before a token's expiry at which it is no longer used.
    private static let expiryMargin = Duration.seconds(5)

    init(web: WebClient, access: RegistryAccess) {
        self.web = web
        self.access = access
    }

    /// Sends a request, with retries, and authenticates at most once.
    ///
    /// - Returns: a response of any status but 401.
    func send(
        _ request: RegistryRequest, until deadline: ContinuousClock.Instant
    ) async throws(RegistryError) -> TransferResponse {
        let endpoint = try await endpoint(of: request, until: deadline)
        let key = "\(request.repository.registry) \(request.scope)"
        if let known = authorizations[key], known.until <= clock.now { authorizations[key] = nil }
        let first = try await exchange(request, at: endpoint, authorizations[key]?.authorization, until: deadline)
        guard first.status == 401 else { return first }
        authorizations[key] = nil
        let authorization = try await authorize(request, first, at: endpoint, key: key, until: deadline)
        let second = try await exchange(request, at: endpoint, authorization, until: deadline)
        guard second.status != 401 else {
            authorizations[key] = nil
            throw .denied(request.subject, reason: "the registry rejects these credentials and their token (401)")
        }
        return second
    }

    /// Fetches the target of a registry's redirection, without authorization.
    func fetch(
        _ url: String, for request: RegistryRequest, isLoopback: Bool, until deadline: ContinuousClock.Instant
    ) async throws(RegistryError) -> TransferResponse {
        let access = access.transferAccess(isLoopback: isLoopback)
        return try await perform(request, isRepeatable: true, until: deadline) { limit in
            WebRequest(url: url, within: limit, access: access)
        }
    }

    /// The registry's endpoint: https, except with `--plain-http` and for a loopback registry without TLS.
    func endpoint(
        of request: RegistryRequest, until deadline: ContinuousClock.Instant
    ) async throws(RegistryError) -> RegistryEndpoint {
        let registry = request.repository.registry
        if let known = endpoints[registry] { return known }
        guard let encrypted = RegistryEndpoint(registry: registry, isEncrypted: true),
            let plain = RegistryEndpoint(registry: registry, isEncrypted: false)
        else { throw .contradiction("'\(Sanitizer.singleLine(registry, limit: 80))' is not a valid registry name") }
        var chosen = access.usesPlainHTTP ? plain : encrypted
        if !access.usesPlainHTTP, encrypted.origin.isLoopback, access.certificateAuthorities == nil {
            // As Docker does for loopback registries. This request holds no secret.
            let limit = min(Self.attemptLimit, deadline - clock.now)
            let ping = WebRequest(
                url: "\(plain.base)/v2/", within: limit, access: access.transferAccess(isLoopback: true))
            do throws(TransferFailure) {
                // A TLS server answers 400 to plain HTTP.
                if try await web.send(ping).status != 400 { chosen = plain }
            } catch {
                if case .refused = error { chosen = plain } else { plainFailures[registry] = error }
            }
        }
        endpoints[registry] = chosen
        return chosen
    }

    // MARK: - Requests

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

    /// Sends a request, and repeats it as ``RetryRule`` decides.
    private func perform(
        _ request: RegistryRequest, isRepeatable: Bool, until deadline: ContinuousClock.Instant,
        _ make: (_ within: Duration) -> WebRequest
    ) async throws(RegistryError) -> TransferResponse {
        let rule = RetryRule(isRepeatable: isRepeatable)
        var attempt = 0
        while true {
            attempt += 1
            guard clock.now < deadline else { throw request.failure("the time limit has passed") }
            let outcome: RetryRule.Outcome
            let answer: Result<TransferResponse, TransferFailure>
            do throws(TransferFailure) {
                let response = try await web.send(make(min(Self.attemptLimit, deadline - clock.now)))
                let pause = RetryAfter.duration(
                    response.headers["retry-after"], now: Date().timeIntervalSince1970)
                outcome = .status(response.status, retryAfter: pause)
                answer = .success(response)
            } catch {
                outcome = .failure(error)
                answer = .failure(error)
            }
            if case .again(let pause) = rule.decide(outcome, attempt: attempt, remaining: deadline - clock.now) {
                do { try await clock.sleep(for: pause) } catch {
                    throw request.failure("cancelled")
                }
                continue
            }
            return try result(answer, request)
        }
    }

    private func result(
        _ answer: Result<TransferResponse, TransferFailure>, _ request: RegistryRequest
    ) throws(RegistryError) -> TransferResponse {
        let registry = request.repository.registry
        let plainFailure = plainFailures.removeValue(forKey: registry)
        do throws(TransferFailure) {
            return try answer.get()
        } catch {
            let host = Sanitizer.singleLine(registry, limit: 80)
            var detail = Sanitizer.singleLine(error.detail, limit: 160)
            if let plainFailure {
                // The registry may speak either, so the next request tries plain HTTP first again.
                endpoints[registry] = nil
                detail = "plain HTTP: \(Sanitizer.singleLine(plainFailure.detail, limit: 160)); TLS: \(detail)"
            }
            let reason = "no complete response from \(host) (\(detail))"
            switch error {
            // The request was never sent.
            case .dns, .refused, .tls, .local: throw request.failure(reason)
            case .timeout, .tooLarge, .protocolError, .cancelled:
                throw request.isReading
                    ? .unavailable(request.subject, reason: reason) : .uncertainPut(request.subject, reason: reason)
            }
        }
    }

    // MARK: - Authentication

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
            authorizations[key] = (authorization, clock.now + max(.zero, token.lifetime - Self.expiryMargin))
            return authorization
        }
        guard challenges.contains(where: { $0.scheme == "basic" }) else {
            throw .denied(
                request.subject,
                reason: "the registry requires authentication (401) by an unsupported method")
        }
        guard case .password(let user, let password)? = credential else {
            throw .denied(request.subject, reason: "the registry requires a user and a password (401): \(Self.logIn)")
        }
        let authorization = RegistryAuthorization.basic(user: user, password: password)
        authorizations[key] = (authorization, clock.now + .seconds(3_600))
        return authorization
    }

    private static let logIn = "log in with docker login or skopeo login, or give --registry-auth-file"

    private func token(
        _ challenge: AuthenticationChallenge, _ request: RegistryRequest, _ credential: RegistryCredential?,
        at endpoint: RegistryEndpoint, until deadline: ContinuousClock.Instant
    ) async throws(RegistryError) -> TokenResponse {
        guard let wanted = TokenRequest(challenge, needed: request.scope) else {
            throw .denied(request.subject, reason: "the registry's token service (realm) is not a valid URL")
        }
        guard credential == nil || wanted.mayHaveCredentials(of: endpoint.origin) else {
            throw .denied(
                request.subject,
                reason:
                    "credentials are not sent to the token service \(Sanitizer.singleLine(wanted.shownOrigin, limit: 100)), "
                    + "which is neither https nor on the registry's host")
        }
        let access = access.transferAccess(isLoopback: wanted.isLoopback)
        var asking = request
        // Requesting a token twice is harmless, even for a write.
        asking.method = .get
        let response = try await perform(asking, isRepeatable: true, until: deadline) { limit in
            wanted.request(credential, within: limit, access: access)
        }
        let place = Sanitizer.singleLine(wanted.shownOrigin, limit: 100)
        switch response.status {
        case 200:
            guard let token = TokenResponse(parsing: response.body) else {
                throw request.failure("the token service \(place) answered without a token")
            }
            return token
        case 400, 401, 403:
            let whose = credential == nil ? "anonymous requests (\(Self.logIn))" : "these credentials"
            throw .denied(
                request.subject, reason: "the token service \(place) rejects \(whose) (\(response.status))")
        default:
            throw request.failure("the token service \(place) answered with status \(response.status)")
        }
    }
}

/// A request to a registry's API, before its endpoint and authorization are known.
struct RegistryRequest: Sendable {
    /// The reference it is about, for messages.
    var subject: String
    var repository: ImageReference
    var method = TransferRequest.Method.get
    /// The path after `/v2/`.
    var path: String
    var headers: [(name: String, value: String)] = []
    /// True to use a new connection and bypass caches: a recent write may not have reached all of a registry's machines.
    var isFresh = false

    /// True if the request changes nothing and may be repeated.
    var isReading: Bool { method == .get || method == .head }

    /// The error of a request that had no effect.
    func failure(_ reason: String) -> RegistryError {
        isReading ? .unavailable(subject, reason: reason) : .refusedPut(subject, reason: reason)
    }

    /// The token scope that it requires.
    var scope: String { "repository:\(repository.path):\(isReading ? "pull" : "pull,push")" }
}

/// The settings for access to registries: trust, encryption and credentials.
package struct RegistryAccess: Sendable {
    /// A PEM bundle that replaces the system's authorities.
    package var certificateAuthorities: String?
    /// True to use plain HTTP for every registry.
    package var usesPlainHTTP = false
    package var credentials: CredentialSources

    package init(certificateAuthorities: String? = nil, usesPlainHTTP: Bool = false, credentials: CredentialSources) {
        self.certificateAuthorities = certificateAuthorities
        self.usesPlainHTTP = usesPlainHTTP
        self.credentials = credentials
    }

    /// - Parameter isLoopback: true if the target is this machine, which no proxy can reach.
    func transferAccess(isLoopback: Bool) -> RequestCredentials {
        RequestCredentials(certificateAuthorities: certificateAuthorities, usesProxy: !isLoopback)
    }
}
