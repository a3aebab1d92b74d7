import CollectorSupport
import FoundationEssentials
import Shared
package import Transfer

/// A client of a forge's API for one repository, with limits, and with checks that each response is an API response.
///
/// The token is sent only to ``ForgeAddress/api``: neither redirects nor links in responses are followed.
package struct ForgeClient: Sendable {
    package let address: ForgeAddress
    package let repository: ForgeRepository
    /// The time limit for one request, connecting included.
    package let requestTimeout: Duration
    private let web: WebClient
    private let access: RequestCredentials
    private let clock = ContinuousClock()

    package init(
        address: ForgeAddress, repository: ForgeRepository, token: String?, certificateAuthorities: String? = nil,
        requestTimeout: Duration = .seconds(15), web: WebClient
    ) {
        self.address = address
        self.repository = repository
        self.requestTimeout = requestTimeout
        self.web = web
        // Without TLS a proxy could read the token.
        access = RequestCredentials(
            bearerToken: token, certificateAuthorities: certificateAuthorities, usesProxy: !address.isPlain)
    }

    var hasToken: Bool { access.bearerToken != nil }

    /// A path within the repository.
    func repositoryPath(_ rest: String) -> String { "/repos/\(repository)\(rest)" }

    /// Sends one GET request.
    ///
    /// - Parameters:
    ///   - path: the percent-encoded path below the API's address.
    ///   - allowsEmpty: true to accept a 200 without a body as "no content".
    ///   - isOptional: true if some versions of the forge lack this path. They, or a proxy, report that in their own way, often
    ///     as a page of text: 404, 405 and 501 are then refusals, whatever their content. Only for use after a request to a
    ///     path that every version has.
    func get(
        _ path: String, _ query: [(name: String, value: String)] = [], allowsEmpty: Bool = false,
        isOptional: Bool = false, before deadline: ContinuousClock.Instant
    ) async throws(ForgeError) -> ForgeAnswer {
        let place = "\(address.kind.name) at \(address.authority), \(path)"
        let left = clock.now.duration(to: deadline)
        guard left > .zero else { throw ForgeError(.late, "\(place): no time left") }
        let items = query.map { "\($0.name)=\(Self.encoded($0.value))" }.joined(separator: "&")
        let request = WebRequest(
            url: address.api + path + (items.isEmpty ? "" : "?" + items),
            headers: [("Accept", address.kind == .github ? "application/vnd.github+json" : "application/json")],
            within: min(left, requestTimeout), access: access)
        let response: TransferResponse
        do throws(TransferFailure) {
            response = try await web.send(request)
        } catch {
            throw Self.error(error, place: place)
        }
        if response.status == 200 {
            if allowsEmpty, response.body.isEmpty { return ForgeAnswer(place: place, body: [], link: nil) }
            guard Self.isJSON(response) else {
                let type = Sanitizer.singleLine(response.headers["content-type"] ?? "no content type", limit: 60)
                throw ForgeError(
                    .unreadable,
                    "\(place): 200 with \(type) instead of JSON: check for a proxy or a login page in front of the forge"
                )
            }
            return ForgeAnswer(place: place, body: response.body, link: response.headers["link"])
        }
        if isOptional, Self.saysNotOffered(response.status) {
            throw ForgeError(
                .refused(status: response.status),
                "\(place): \(response.status): not offered by this forge, or not to this token")
        }
        throw error(response, place: place)
    }

    private static func saysNotOffered(_ status: Int) -> Bool { [404, 405, 501].contains(status) }

    /// Escapes a path segment or a query's value: all bytes but unreserved characters (RFC 3986, section 2.3).
    static func encoded(_ text: some StringProtocol) -> String {
        var result = ""
        for byte in text.utf8 {
            if HostAddress.isNameByte(byte) || byte == UInt8(ascii: "~") {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                result += "%" + Hexadecimal.encode([byte]).uppercased()
            }
        }
        return result
    }

    private static func isJSON(_ response: TransferResponse) -> Bool {
        let type = (response.headers["content-type"] ?? "").prefix { $0 != ";" }.lowercased().filter { $0 != " " }
        return type == "application/json" || (type.hasPrefix("application/") && type.hasSuffix("+json"))
    }

    private static func error(_ failure: TransferFailure, place: String) -> ForgeError {
        switch failure {
        case .cancelled: ForgeError(.cancelled, "\(place): cancelled")
        case .tls(let detail):
            ForgeError(
                .refused(status: 0), "\(place): TLS failed (\(detail)): give the forge's authority with --forge-ca")
        case .tooLarge(let detail): ForgeError(.unreadable, "\(place): the answer is too large (\(detail))")
        case .timeout, .dns, .refused, .protocolError, .local:
            ForgeError(.transient, "\(place): no response (\(failure.detail))")
        }
    }

    private func error(_ response: TransferResponse, place: String) -> ForgeError {
        let status = response.status
        switch status {
        case 429,
            403 where isThrottled(response):
            let pause = RetryAfter.duration(
                response.headers["retry-after"], now: Date().timeIntervalSince1970)
            let retry = pause.map { ", retry after \($0.brief)" } ?? ""
            return ForgeError(.throttled(pause), "\(place): rate limited by the forge (\(status)\(retry))")
        case 401:
            return ForgeError(.refused(status: status), "\(place): 401: \(tokenRemedy("is not accepted"))")
        case 403:
            return ForgeError(.refused(status: status), "\(place): 403: \(tokenRemedy("has no read access"))")
        case 404 where isForeignPage(response):
            return ForgeError(
                .unreadable, "\(place): 404 from a server without the forge's API: check --forge-url")
        case 404, 410, 422, 451:
            return ForgeError(
                .refused(status: status),
                "\(place): \(status): not found, or not visible \(hasToken ? "to this token" : "without a token"): check "
                    + "--repository, the commit or branch, and the token's permissions")
        case 300..<400:
            let goal = response.headers["location"].map { " to \(SafeLink.shown($0))" } ?? ""
            return ForgeError(
                .unreadable, "\(place): \(status), a redirect\(goal), which is not followed: check --forge-url")
        case 408, 500, 502, 503, 504: return ForgeError(.transient, "\(place): \(status)")
        default: return ForgeError(.unreadable, "\(place): unexpected status \(status)")
        }
    }

    /// GitHub also reports rate limits as 403 ("Rate limits for the REST API").
    private func isThrottled(_ response: TransferResponse) -> Bool {
        if response.headers["retry-after"] != nil { return true }
        return String(decoding: response.body.prefix(2_048), as: UTF8.self).lowercased().contains("rate limit")
    }

    /// True for a page of HTML or plain text, which does not come from the forge's API.
    private func isForeignPage(_ response: TransferResponse) -> Bool {
        response.headers["content-type"] == nil ? !response.body.isEmpty : !Self.isJSON(response)
    }

    private func tokenRemedy(_ problem: String) -> String {
        let variable = address.kind == .gitea ? "GITEA_TOKEN" : "GITHUB_TOKEN"
        return hasToken
            ? "the token \(problem): give one that can read \(repository) with --forge-token-file or \(variable)"
            : "a token is required: give one with --forge-token-file or \(variable)"
    }
}

/// A forge's response with status 200.
struct ForgeAnswer: Sendable {
    /// The requested path without its query, for messages.
    let place: String
    let body: [UInt8]
    /// The `Link` header (RFC 8288).
    let link: String?

    /// Decodes the body.
    ///
    /// - Throws: ``ForgeError/Kind/unreadable`` if it is not the expected JSON. The decoder's message is left out, since it
    ///   repeats parts of the body.
    func decode<Value: Decodable>(_ type: Value.Type) throws(ForgeError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(body))
        } catch {
            throw ForgeError(.unreadable, "\(place): the response is not the JSON that the API documents")
        }
    }

    /// True if the forge announces another page.
    var announcesNext: Bool {
        guard let link else { return false }
        return link.split(separator: ",").contains { $0.contains("rel=\"next\"") || $0.contains("rel=next") }
    }
}
