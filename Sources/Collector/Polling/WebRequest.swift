/// One request to a registry or a forge.
struct WebRequest: Sendable {
    var method: TransferRequest.Method
    /// `http` or `https`.
    var url: String
    /// Sent as they are. A name or value that would open a second line is refused, not sent.
    var headers: [(name: String, value: String)]
    /// For the whole of it, connecting included.
    var within: Duration
    var access: TransferAccess
    /// Whether no kept connection is used.
    var isFresh = false

    /// - Parameter access: unless told otherwise, a proxy that the environment names is used.
    init(
        _ method: TransferRequest.Method = .get, url: String, headers: [(name: String, value: String)] = [],
        within: Duration, access: TransferAccess = TransferAccess(usesProxy: true)
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.within = within
        self.access = access
    }
}
