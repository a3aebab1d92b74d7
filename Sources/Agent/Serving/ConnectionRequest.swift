import NIOHTTP1

/// A request as it waits for its turn on a connection.
struct ConnectionRequest {
    var head: HTTPRequestHead
    /// Set where the request is answered without being looked at, and ends the connection.
    var refusal: Answer?

    /// One that could not even be read.
    static func refused(_ answer: Answer) -> ConnectionRequest {
        ConnectionRequest(head: HTTPRequestHead(version: .http1_1, method: .GET, uri: "/"), refusal: answer)
    }
}
