import HeapModule

/// Which host is to be asked when, and which request is under way for it: at most one a host.
struct PollSchedule {
    private struct Due: Comparable {
        var at: Duration
        var host: Int

        static func < (left: Due, right: Due) -> Bool { (left.at, left.host) < (right.at, right.host) }
    }

    /// A request that was sent and has not ended.
    struct Pending {
        var host: Int
        var nonce: String
    }

    private var due = Heap<Due>()
    private var pending: [UInt64: Pending] = [:]
    private var lastID: UInt64 = 0
    private let noncePrefix: String

    /// - Parameter noncePrefix: unguessable, and new for each verification, so that no answer to another one fits.
    init(noncePrefix: String) {
        self.noncePrefix = noncePrefix
    }

    /// When the next host is due; nil where none waits.
    var next: Duration? { due.min?.at }

    mutating func schedule(_ host: Int, at moment: Duration) {
        due.insert(Due(at: moment, host: host))
    }

    /// Takes the hosts that are due; each gets a request id and a nonce of its own.
    mutating func takeDue(at now: Duration) -> [(id: UInt64, pending: Pending)] {
        var taken: [(id: UInt64, pending: Pending)] = []
        while let first = due.min, first.at <= now {
            due.removeMin()
            lastID += 1
            let request = Pending(host: first.host, nonce: "\(noncePrefix)-\(String(lastID, radix: 36))")
            pending[lastID] = request
            taken.append((lastID, request))
        }
        return taken
    }

    /// Ends a request; nil for an id that is not under way.
    mutating func finish(_ id: UInt64) -> Pending? { pending.removeValue(forKey: id) }
}
