/// Where a connection is.
enum ConnectionPhase {
    /// TLS has not come to an agreement yet.
    case securing
    case idle, readingHeaders, answering
    /// An answer is held until the content changes, or its time is up.
    case holding
    /// The last answer is written; what still comes is thrown away.
    case lingering
    case closed

    /// It is the peer's turn: nothing is owed to it, and its place can be given to another.
    var awaitsPeer: Bool {
        switch self {
        case .securing, .idle, .readingHeaders, .lingering: true
        case .answering, .holding, .closed: false
        }
    }
}
