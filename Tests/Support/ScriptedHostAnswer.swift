/// How a ``ScriptedHost`` behaves towards one request.
public indirect enum ScriptedHostAnswer: Sendable {
    /// A whole answer with its Content-Length; the connection is kept.
    case answer(status: Int, headers: [(name: String, value: String)], body: [UInt8])
    /// The same, some time later.
    case after(Duration, ScriptedHostAnswer)
    /// Nothing, ever; the connection stays open.
    case hang
    /// RST.
    case reset
    /// FIN without a byte.
    case close
    /// A head for the whole body, then one byte of it each 200 ms.
    case drip(body: [UInt8])
    /// A body without end, chunked or until the connection closes.
    case flood(chunked: Bool)
    /// Short headers without end.
    case floodHeaders
    /// One header line without end.
    case endlessHeaderLine
    /// These bytes, and FIN.
    case bytes([UInt8])
    /// Content-Length says more than the body has; then FIN.
    case closeEarly(status: Int, body: [UInt8], missing: Int)

    /// 200 with a JSON text.
    public static func json(_ text: String, headers: [(name: String, value: String)] = []) -> Self {
        .answer(
            status: 200, headers: [("Content-Type", "application/json")] + headers, body: Array(text.utf8))
    }

    public static func status(_ status: Int, _ text: String = "") -> Self {
        .answer(status: status, headers: [], body: Array(text.utf8))
    }

    public static func redirect(to location: String) -> Self {
        .answer(status: 302, headers: [("Location", location)], body: [])
    }

    /// Not HTTP.
    public static let garbage = bytes(Array("SSH-2.0-OpenSSH_9.2p1\r\n".utf8))
}
