/// The peer took longer for the handshake than it has.
struct TimedOutHandshake: Error, CustomStringConvertible {
    var description: String { "the handshake took too long" }
}
