import CollectorSupport
import FoundationEssentials
import Shared
import Synchronization
import Transfer

/// The token that the collector presents to a service: from a file, or the identity token of the pipeline's run.
package final class ServiceIdentity: Sendable {
    private enum Source {
        case none
        case fixed(String)
        /// GitHub's and Gitea's runners give identity tokens at this address, for this bearer token.
        case runner(url: String, token: String)
    }

    private let source: Source
    /// What gives this run a token that the service accepts; nil if the service's own remedy says more.
    let remedy: String?
    private let held = Mutex<(token: String, renewal: Double)?>(nil)

    private static let audience = "buildinfo"
    /// A token is renewed so many seconds before it expires.
    private static let margin = 60.0

    /// - Parameter file: the value of `--server-token-file`; without it, the environment's identity token.
    /// - Throws: ``UsageError``, which never repeats a token.
    package init(file: String?, environment: [String: String]) throws {
        // Secrets of pipelines often end with a line break.
        func variable(_ name: String) -> String? {
            environment[name].map(\.trimmed).flatMap { $0.isEmpty ? nil : $0 }
        }
        if let file {
            source = .fixed(try CredentialFiles.token(file, flag: "--server-token-file"))
            remedy = "give a token of this service with --server-token-file"
        } else if let token = variable("BUILDINFO_ID_TOKEN") {
            guard token.isVisibleASCII else {
                throw UsageError("BUILDINFO_ID_TOKEN does not hold one token of printable ASCII")
            }
            source = .fixed(token)
            remedy = nil
        } else if let url = variable("ACTIONS_ID_TOKEN_REQUEST_URL"),
            let token = variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
        {
            guard !HostAddress.isInTheClear(url) else {
                throw UsageError(
                    "ACTIONS_ID_TOKEN_REQUEST_URL is an http URL beyond loopback: give --server-token-file, or use a runner whose "
                        + "identity tokens come by https")
            }
            source = .runner(url: url, token: token)
            remedy = nil
        } else {
            source = .none
            let token = "give --server-token-file"
            remedy =
                if variable("FORGEJO_ACTIONS") != nil {
                    "let the workflow have 'enable-openid-connect: true', or \(token)"
                } else if variable("GITEA_ACTIONS") != nil {
                    "let the job have the permission 'id-token: write', if this Gitea gives identity tokens, or \(token)"
                } else if variable("GITHUB_ACTIONS") != nil {
                    "let the job have the permission 'id-token: write', or \(token)"
                } else if variable("GITLAB_CI") != nil {
                    "let the job have 'id_tokens: {BUILDINFO_ID_TOKEN: {aud: buildinfo}}', or \(token)"
                } else {
                    token
                }
        }
    }

    /// True if a rejected token can be replaced.
    var isRenewable: Bool { if case .runner = source { true } else { false } }

    /// Forgets a token that was rejected.
    func forget() { held.withLock { $0 = nil } }

    /// The token for the next request; nil if there is none.
    func token(_ web: WebClient, within limit: Duration) async throws(RequestFailure) -> String? {
        switch source {
        case .none: return nil
        case .fixed(let token): return token
        case .runner(let url, let token):
            let now = Date().timeIntervalSince1970
            if let held = held.withLock({ $0 }), now < held.renewal { return held.token }
            let fresh = try await Self.request(url, token, web, within: limit)
            let renewal = (Self.expiry(of: fresh) ?? now + 2 * Self.margin) - Self.margin
            held.withLock { $0 = (fresh, renewal) }
            return fresh
        }
    }

    private struct Answer: Decodable {
        let value: String
    }

    private static func request(
        _ url: String, _ token: String, _ web: WebClient, within limit: Duration
    ) async throws(RequestFailure) -> String {
        let place = "the runner's identity tokens"
        let request = WebRequest(
            url: url + (url.contains("?") ? "&" : "?") + "audience=\(audience)",
            headers: [("Accept", "application/json")], within: limit,
            access: RequestCredentials(bearerToken: token, usesProxy: !url.lowercased().hasPrefix("http:")))
        let response: TransferResponse
        do throws(TransferFailure) {
            response = try await web.send(request)
        } catch {
            throw .transient("\(place): no response (\(error.detail))")
        }
        switch response.status {
        case 200: break
        case 408, 429, 500...599: throw .transient("\(place): \(response.status)")
        default:
            throw .final(
                .noIdentity(
                    "\(place) answered \(response.status): let the job have the permission 'id-token: write', or give "
                        + "--server-token-file"))
        }
        do {
            let answer = try JSONDecoder().decode(Answer.self, from: Data(response.body))
            guard (1...16_384).contains(answer.value.utf8.count),
                answer.value.isVisibleASCII
            else { throw RequestFailure.final(.noIdentity("\(place) gave no token of printable ASCII")) }
            return answer.value
        } catch let failure as RequestFailure {
            throw failure
        } catch {
            throw .final(.noIdentity("\(place) answered without a token: check ACTIONS_ID_TOKEN_REQUEST_URL"))
        }
    }

    private struct Claims: Decodable {
        let exp: Double
    }

    /// The expiry date of a JWT, in seconds since 1970; nil if it states none. Only the service checks the signature.
    private static func expiry(of token: String) -> Double? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let claims = Base64URL.decode(parts[1]) else { return nil }
        do { return try JSONDecoder().decode(Claims.self, from: Data(claims)).exp } catch { return nil }
    }
}

/// The reason that one request failed.
enum RequestFailure: Error, Hashable {
    /// The same request may succeed later.
    case transient(String)
    /// The answer is none of a collector service.
    case foreign(String)
    /// The token was rejected, and a new one can be had.
    case rejected(String)
    case final(ServiceError)
}
