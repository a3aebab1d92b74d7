/// The connections of one event loop on which it is the peer's turn, in the order in which that began.
///
/// When all places are taken, the one that has kept the agent waiting longest is given up for a new one. So thousands of peers
/// that connect and then dawdle take places from each other, and not from somebody who asks at once.
final class IdleConnections {
    private var connections: [Int: ConnectionHandler] = [:]
    private var oldest = 0
    private var next = 0

    var count: Int { connections.count }

    /// - Returns: what takes it out again.
    func insert(_ connection: ConnectionHandler) -> Int {
        defer { next += 1 }
        connections[next] = connection
        return next
    }

    func remove(_ place: Int) {
        connections[place] = nil
        skip()
    }

    /// Ends the connection that has been waited for longest; false where there is none.
    func giveUpOldest() -> Bool {
        skip()
        guard let connection = connections[oldest] else { return false }
        connection.giveUp()
        return true
    }

    /// Each place is passed once.
    private func skip() {
        while oldest < next, connections[oldest] == nil { oldest += 1 }
    }
}
