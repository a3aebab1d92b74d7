import CollectorSupport
package import Shared

/// The reason that a forge could not be read. Exit code 69: nothing is known.
package struct ForgeError: ExitCoded, Hashable {
    package enum Kind: Hashable, Sendable {
        /// A timeout, a failed connection, 408, 500, 502, 503 or 504: the next request may succeed.
        case transient
        /// 429, or a 403 for a rate limit, with the requested pause.
        case throttled(Duration?)
        /// A response other than the expected JSON: HTML, different JSON, too much of it, a redirect.
        case unreadable
        /// 401, 403, 404, 410, 422, 451, or an untrusted certificate (0): another request will not change it. For optional
        /// paths also 405, 501, and 200 with other JSON.
        case refused(status: Int)
        /// No time was left.
        case late
        case cancelled
    }

    package let kind: Kind
    /// One clean sentence with the remedy, without secrets.
    package let description: String
    package let exitStatus = ExitStatus.unavailable

    init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = Sanitizer.singleLine(description, limit: 400)
    }

    /// The HTTP status of a refusal; nil for any other error.
    package var refusal: Int? {
        guard case .refused(let status) = kind, status > 0 else { return nil }
        return status
    }

}
