/// How a fake engine answers one request.
public enum FakeEngineAnswer: Sendable {
    case json(String)
    case status(Int)
    /// With headers of its own, as `/_ping` has.
    case plain(String, headers: [String: String])
    /// These bytes, which need not be HTTP; then the connection is closed.
    case raw(String)
    /// Nothing, ever.
    case hang
    /// 200 and a body that goes on: what ``FakeEngine/emit(_:)`` gives, until ``FakeEngine/endStreams()``.
    case stream
    /// So many bytes of JSON.
    case flood(bytes: Int)
}
