/// The answer of a fake engine to one request.
public enum FakeEngineAnswer: Sendable {
    case json(String)
    case status(Int)
    /// A plain text with additional headers, as for `/_ping`.
    case plain(String, headers: [String: String])
    /// Raw bytes, not necessarily HTTP; then the connection is closed.
    case raw(String)
    /// No answer on an open connection.
    case hang
    /// Status 200 with a streamed body: the text of ``FakeEngine/emit(_:)``, until ``FakeEngine/endStreams()``.
    case stream
    /// JSON of this size.
    case flood(bytes: Int)
}
