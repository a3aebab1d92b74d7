import CollectorSupport
import FoundationEssentials
import Shared
package import Transfer

/// Asks one forge about one repository, within limits, and takes no answer for more than it is.
///
/// The token goes to ``ForgeAddress/api`` and nowhere else: no redirect is followed, no link in an answer is asked.
package struct ForgeClient: Sendable {
    package let address: ForgeAddress
    package let repository: ForgeRepository
    /// For one request, connecting included.
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
        // Without TLS a proxy would read the token.
        access = RequestCredentials(
            bearerToken: token, certificateAuthorities: certificateAuthorities, usesProxy: !address.isPlain)
    }

    var hasToken: Bool { access.bearerToken != nil }

    /// The path of something in the repository.
    func repositoryPath(_ rest: String) -> String { "/repos/\(repository)\(rest)" }

    /// Asks once.
    ///
    /// - Parameters:
    ///   - path: below the API's address, percent-encoded.
    ///   - allowsEmpty: whether a 200 without a body means "nothing there".
    ///   - isOptional: whether a forge that speaks the API may lack this path. Its way to say so is its own, or that of a
    ///     proxy before it, often a page of text: 404, 405 and 501 are then refusals, whatever their content. Only for what
    ///     is asked after a path that every version has was answered.
    package func get(
        _ path: String, _ query: [(name: String, value: String)] = [], allowsEmpty: Bool = false,
        isOptional: Bool = false, before deadline: ContinuousClock.Instant
    ) async throws(ForgeError) -> ForgeAnswer {
        let place = "\(address.kind.name) at \(address.authority), \(path)"
        let left = clock.now.duration(to: deadline)
        guard left > .zero else { throw ForgeError(.late, "\(place): there was no time left to ask") }
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
                    .unreadable, "\(place): 200 with \(type) instead of JSON: does a proxy or a login page answer?")
            }
            return ForgeAnswer(place: place, body: response.body, link: response.headers["link"])
        }
        if isOptional, Self.saysNotOffered(response.status) {
            throw ForgeError(
                .refused(status: response.status),
                "\(place): \(response.status): this forge does not offer it, or not to this token")
        }
        throw error(response, place: place)
    }

    private static func saysNotOffered(_ status: Int) -> Bool { [404, 405, 501].contains(status) }

    /// A segment of a path or a query's value: everything but unreserved characters is escaped (RFC 3986, section 2.3).
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
                .refused(status: 0), "\(place): TLS failed (\(detail)): give the forge's authority as --forge-ca")
        case .tooLarge(let detail): ForgeError(.unreadable, "\(place): the answer is too large (\(detail))")
        case .timeout, .dns, .refused, .protocolError, .local:
            ForgeError(.transient, "\(place): no answer (\(failure.detail))")
        }
    }

    private func error(_ response: TransferResponse, place: String) -> ForgeError {
        let status = response.status
        switch status {
        case 429,
            403 where isThrottled(response):
            let pause = RetryAfter.duration(
                response.headers["retry-after"], now: Date().timeIntervalSince1970)
            let said = pause.map { "a pause of \($0.brief)" } ?? "a pause"
            return ForgeError(.throttled(pause), "\(place): \(status), the forge asks for \(said)")
        case 401:
            return ForgeError(.refused(status: status), "\(place): 401: \(tokenRemedy("is not accepted"))")
        case 403:
            return ForgeError(.refused(status: status), "\(place): 403: \(tokenRemedy("may not read this"))")
        case 404 where isForeignPage(response):
            return ForgeError(
                .unreadable, "\(place): 404 from something that does not speak the API: check --forge-url")
        case 404, 410, 422, 451:
            return ForgeError(
                .refused(status: status),
                "\(place): \(status): not there, or not for \(hasToken ? "this token" : "one without a token"): check "
                    + "--repository, the commit or branch, and what the token may read")
        case 300..<400:
            let goal = response.headers["location"].map { " to \(SafeLink.shown($0))" } ?? ""
            return ForgeError(
                .unreadable, "\(place): \(status), a redirect\(goal) that is not followed: is --forge-url right?")
        case 408, 500, 502, 503, 504: return ForgeError(.transient, "\(place): \(status)")
        default: return ForgeError(.unreadable, "\(place): unexpected status \(status)")
        }
    }

    /// GitHub's limits come as 403, too ("Rate limits for the REST API").
    private func isThrottled(_ response: TransferResponse) -> Bool {
        if response.headers["retry-after"] != nil { return true }
        return String(decoding: response.body.prefix(2_048), as: UTF8.self).lowercased().contains("rate limit")
    }

    /// A page of HTML or plain text that says 404 says nothing about the forge.
    private func isForeignPage(_ response: TransferResponse) -> Bool {
        response.headers["content-type"] == nil ? !response.body.isEmpty : !Self.isJSON(response)
    }

    private func tokenRemedy(_ what: String) -> String {
        let variable = address.kind == .gitea ? "GITEA_TOKEN" : "GITHUB_TOKEN"
        return hasToken
            ? "the token \(what): give one that may read \(repository) by --forge-token-file or \(variable)"
            : "a token is needed: give one by --forge-token-file or \(variable)"
    }
}

/// A forge's answer with status 200.
package struct ForgeAnswer: Sendable {
    /// For sentences: the path that was asked, without its query.
    package let place: String
    package let body: [UInt8]
    /// The `Link` header (RFC 8288).
    let link: String?

    /// Decodes the body.
    ///
    /// - Throws: ``ForgeError/Kind/unreadable`` where it is no JSON or another one. The decoder's own words are left out:
    ///   they repeat what the body says.
    package func decode<Value: Decodable>(_ type: Value.Type) throws(ForgeError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(body))
        } catch {
            throw ForgeError(.unreadable, "\(place): the answer is not the JSON that the API documents")
        }
    }

    /// Whether the forge says that there is a further page.
    var announcesNext: Bool {
        guard let link else { return false }
        return link.split(separator: ",").contains { $0.contains("rel=\"next\"") || $0.contains("rel=next") }
    }
}
