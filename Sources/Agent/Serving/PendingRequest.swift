import NIOHTTP1

/// What is kept of a request until it is answered: little, since thousands may be held at a time.
struct PendingRequest {
    let route: Route
    let isHead: Bool
    /// The connection ends behind the answer.
    var isLast: Bool
    /// `If-None-Match`, line by line.
    let ifNoneMatch: [String]
    /// Seconds that the answer may be held for; nil where it is given at once.
    let wait: Int?

    init(_ head: HTTPRequestHead, route: Route) {
        self.route = route
        isHead = head.method == .HEAD
        isLast = !head.isKeepAlive || head.version != .http1_1
        ifNoneMatch = head.headers["If-None-Match"]
        // Without a condition there is no change to wait for, and only documents change.
        if case .document = route, !ifNoneMatch.isEmpty {
            wait = Preferences.wait(head.headers["Prefer"])
        } else {
            wait = nil
        }
    }

    /// The service whose document is asked for.
    var service: String? {
        if case .document(let service, _) = route { service } else { nil }
    }
}
