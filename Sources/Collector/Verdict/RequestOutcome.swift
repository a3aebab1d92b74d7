/// How far a request to a host got, as the `reach` fact of a host.
///
/// A host that *answered something else* is never the same as one that *did not answer*: ``isSilence`` tells them apart.
package enum RequestOutcome: String, Codable, Hashable, Sendable, CaseIterable {
    /// A buildinfo document, or a plain answer with a `git_sha`.
    case ok
    case dns
    case refused
    case timeout
    case tls
    /// 401 or 403.
    case auth
    /// Any other status than 200; a redirect is one, and is not followed.
    case httpStatus = "http_status"
    /// 200, but no document: HTML, empty, invalid JSON, no `git_sha` key, an unknown schema.
    case notBuildinfo = "not_buildinfo"
    case tooLarge = "too_large"
    /// The connection broke, or what came was not HTTP.
    case protocolError = "protocol"
    /// Not asked, or not answered yet.
    case never

    /// Whether the host, or the way to it, gave no answer at all.
    var isSilence: Bool {
        switch self {
        case .dns, .refused, .timeout, .tls, .never: true
        case .ok, .auth, .httpStatus, .notBuildinfo, .tooLarge, .protocolError: false
        }
    }
}
