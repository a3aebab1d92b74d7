/// A request for a ``TransferClient``.
package struct TransferRequest: Sendable {
    /// The HTTP method. Hosts receive only `get`; the others are for registries, their token services, and collector services.
    package enum Method: Hashable, Sendable {
        case get
        case head
        case post(Body)
        case put(Body)
        case delete
    }

    /// The body of a request.
    package struct Body: Hashable, Sendable {
        package var mediaType: String
        package var bytes: [UInt8]

        package init(mediaType: String, bytes: [UInt8]) {
            self.mediaType = mediaType
            self.bytes = bytes
        }
    }

    /// The caller's identifier, returned in the completion and used to cancel.
    package var id: UInt64
    /// The host's index, 0 or more. Requests on one lane share kept connections, so a host keeps its lane.
    package var lane: Int
    package var method: Method
    /// An `http` or `https` URL. Any other ends as ``TransferFailure/protocolError(_:)``.
    package var url: String
    /// The headers, sent unchanged. A name or value with a line break fails the request.
    package var headers: [(name: String, value: String)]
    /// The time limit from leaving the queue to the last byte, name lookup and connecting included. Rounded up to
    /// milliseconds, at least one.
    package var timeout: Duration
    package var access: RequestCredentials
    /// True to report when the peer's certificate expires. Requires a libcurl that uses OpenSSL.
    package var asksCertificate = false
    /// True to open a new connection, which a load balancer may send to another machine.
    package var isFresh: Bool
    /// False to close the connection after the response.
    package var keepsConnection = true

    package init(
        id: UInt64,
        lane: Int,
        method: Method = .get,
        url: String,
        headers: [(name: String, value: String)] = [],
        timeout: Duration = .seconds(5),
        access: RequestCredentials = RequestCredentials(),
        isFresh: Bool = false
    ) {
        self.id = id
        self.lane = lane
        self.method = method
        self.url = url
        self.headers = headers
        self.timeout = timeout
        self.access = access
        self.isFresh = isFresh
    }
}
