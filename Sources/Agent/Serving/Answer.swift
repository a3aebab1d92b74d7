import NIOHTTP1

/// What goes back: a status, headers of its own, and a body.
struct Answer: Sendable {
    var status: HTTPResponseStatus
    var contentType: String
    var headers: [(String, String)] = []
    var body: [UInt8] = []

    /// All header fields.
    ///
    /// - Parameter isLast: the connection ends behind it.
    func fields(isLast: Bool) -> HTTPHeaders {
        var fields = HTTPHeaders()
        fields.reserveCapacity(headers.count + 5)
        fields.add(name: "Cache-Control", value: "no-store")
        fields.add(name: "X-Content-Type-Options", value: "nosniff")
        if status != .notModified {
            fields.add(name: "Content-Type", value: contentType)
            fields.add(name: "Content-Length", value: "\(body.count)")
        }
        for (name, value) in headers { fields.add(name: name, value: value) }
        if isLast { fields.add(name: "Connection", value: "close") }
        return fields
    }

    static func text(_ status: HTTPResponseStatus, _ line: String, headers: [(String, String)] = []) -> Answer {
        Answer(
            status: status, contentType: "text/plain; charset=utf-8", headers: headers, body: Array("\(line)\n".utf8))
    }

    static let notFound = text(.notFound, "not found")
    static let badNonce = text(.badRequest, "nonce must be 1 to 128 printable ASCII characters, once, percent-encoded")
    static let methodNotAllowed = text(
        .methodNotAllowed, "only GET and HEAD are allowed", headers: [("Allow", "GET, HEAD")])
    static let bodyRefused = text(.payloadTooLarge, "requests with a body are not accepted")
    static let malformed = text(.badRequest, "malformed request")
    static let uriTooLong = text(.uriTooLong, "the request line is too long")
    static let headersTooLarge = text(.requestHeaderFieldsTooLarge, "the headers are too large")
    static let headersTooSlow = text(.requestTimeout, "the headers took too long")
    static let tooManyConnections = text(
        .serviceUnavailable, "too many connections", headers: [("Retry-After", "1")])
}
