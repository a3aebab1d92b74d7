import CollectorSupport
package import Shared

/// Why a forge did not say what was asked. Exit code 69: nothing is known, which is never fine.
package struct ForgeError: ExitCoded, Hashable {
    package enum Kind: Hashable, Sendable {
        /// A timeout, a connection that failed, 408, 500, 502, 503 or 504: may be over with the next request.
        case transient
        /// 429, or a 403 that says so: the forge asks for a pause, as long as it says.
        case throttled(Duration?)
        /// An answer that means nothing: HTML, no JSON, JSON of another shape, too much of it, a redirect.
        case unreadable
        /// 401, 403, 404, 410, 422, 451, a certificate that is not trusted (0): will not change by asking again. Also 405
        /// and 501, of what a forge need not have, and 200 with JSON of something else in its place.
        case refused(status: Int)
        /// There was no time left.
        case late
        case cancelled
    }

    package let kind: Kind
    /// One clean sentence with the remedy, without anything secret.
    package let description: String
    package let exitStatus = ExitStatus.unavailable

    init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = Sanitizer.singleLine(description, limit: 400)
    }

    /// The status of a forge that was asked and refused; nil for everything else, a certificate too.
    package var refusal: Int? {
        guard case .refused(let status) = kind, status > 0 else { return nil }
        return status
    }

    /// Whether waiting may help, for one who waits anyway.
    var mayPass: Bool {
        switch kind {
        case .transient, .throttled, .unreadable: true
        case .refused, .late, .cancelled: false
        }
    }
}
