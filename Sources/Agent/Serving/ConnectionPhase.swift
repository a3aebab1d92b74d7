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

    /// What the agent waits for.
    enum Turn {
        case handshake, request
        /// Nothing that the peer has to do.
        case none
    }

    /// While it is the peer's turn, nothing is owed to it, and its place can be given to another.
    var turn: Turn {
        switch self {
        case .securing: .handshake
        case .idle, .readingHeaders, .lingering: .request
        case .answering, .holding, .closed: .none
        }
    }
}
