/// One request that a ``TransferEngine`` is asked to make.
struct TransferRequest: Sendable {
    /// What is done. Hosts are only ever asked (`get`); the others are for registries and their token services.
    enum Method: Hashable, Sendable {
        case get
        /// As `get`, without the body.
        case head
        case post(Body)
        case put(Body)
    }

    /// What is sent along.
    struct Body: Hashable, Sendable {
        var mediaType: String
        var bytes: [UInt8]
    }

    /// The caller's name for the request. Comes back in its completion, and cancels it.
    var id: UInt64
    /// The host's index, 0 or more. Requests of one lane share kept connections, so a host keeps its lane.
    var lane: Int
    var method: Method
    /// `http` or `https`. Anything else ends as ``TransferFailure/protocolError(_:)``.
    var url: String
    /// Sent as they are. A name or value that would open a second line is refused, not sent.
    var headers: [(name: String, value: String)]
    /// From the start on the wire to the last byte, name lookup and connecting included. The wait for the window is not.
    /// Rounded up to milliseconds, at least one.
    var timeout: Duration
    var access: TransferAccess
    /// Whether the answer is to say when the peer's certificate ends. Costs some 70 µs a handshake, and is told by a handshake
    /// only: not by a kept connection.
    var asksCertificate = false
    /// Whether no kept connection is used: a balancer may send another connection to another machine.
    var isFresh: Bool

    init(
        id: UInt64,
        lane: Int,
        method: Method = .get,
        url: String,
        headers: [(name: String, value: String)] = [],
        timeout: Duration = .seconds(5),
        access: TransferAccess = TransferAccess(),
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
