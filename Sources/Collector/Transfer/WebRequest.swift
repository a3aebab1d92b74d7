/// One request to a registry or a forge.
package struct WebRequest: Sendable {
    package var method: TransferRequest.Method
    /// `http` or `https`.
    package var url: String
    /// Sent as they are. A name or value that would open a second line is refused, not sent.
    package var headers: [(name: String, value: String)]
    /// For the whole of it, connecting included.
    package var within: Duration
    package var access: RequestCredentials
    /// Whether no kept connection is used.
    package var isFresh = false

    /// - Parameter access: unless told otherwise, a proxy that the environment names is used.
    package init(
        _ method: TransferRequest.Method = .get, url: String, headers: [(name: String, value: String)] = [],
        within: Duration, access: RequestCredentials = RequestCredentials(usesProxy: true)
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.within = within
        self.access = access
    }
}
