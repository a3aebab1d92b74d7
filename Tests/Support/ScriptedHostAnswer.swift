/// The answer of a ``ScriptedHost`` to one request.
public indirect enum ScriptedHostAnswer: Sendable {
    /// A complete answer with a Content-Length; the connection is kept.
    case answer(status: Int, headers: [(name: String, value: String)], body: [UInt8])
    /// Another answer, after a delay.
    case after(Duration, ScriptedHostAnswer)
    /// No answer on an open connection.
    case hang
    /// RST.
    case reset
    /// FIN without a byte.
    case close
    /// The head of a complete answer, then one byte of its body every 200 ms.
    case drip(body: [UInt8])
    /// An endless body, chunked or until the connection closes.
    case flood(chunked: Bool)
    /// An endless sequence of short headers.
    case floodHeaders
    /// One endless header line.
    case endlessHeaderLine
    /// Raw bytes, then FIN.
    case bytes([UInt8])
    /// A Content-Length larger than the body, then FIN.
    case closeEarly(status: Int, body: [UInt8], missing: Int)

    /// Status 200 with JSON.
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
