/// One request that a ``TransferClient`` is asked to make.
package struct TransferRequest: Sendable {
    /// What is done. Hosts are only ever asked (`get`); the others are for registries and their token services.
    package enum Method: Hashable, Sendable {
        case get
        /// As `get`, without the body.
        case head
        case post(Body)
        case put(Body)
    }

    /// What is sent along.
    package struct Body: Hashable, Sendable {
        package var mediaType: String
        package var bytes: [UInt8]

        package init(mediaType: String, bytes: [UInt8]) {
            self.mediaType = mediaType
            self.bytes = bytes
        }
    }

    /// The caller's name for the request. Comes back in its completion, and cancels it.
    package var id: UInt64
    /// The host's index, 0 or more. Requests on one lane share kept connections, so a host keeps its lane.
    package var lane: Int
    package var method: Method
    /// An `http` or `https` URL. Any other ends as ``TransferFailure/protocolError(_:)``.
    package var url: String
    /// Sent as they are. A name or value that would open a second line is refused, not sent.
    package var headers: [(name: String, value: String)]
    /// The time limit from leaving the queue to the last byte, name lookup and connecting included. Rounded up to
    /// milliseconds, at least one.
    package var timeout: Duration
    package var access: RequestCredentials
    /// True to report when the peer's certificate expires. Costs about 70 µs per handshake, and works only with a handshake,
    /// not on a kept connection.
    package var asksCertificate = false
    /// True to open a new connection, which a load balancer may send to another machine.
    package var isFresh: Bool

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
