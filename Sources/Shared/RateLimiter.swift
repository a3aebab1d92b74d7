import Synchronization

/// The rate limit for each client: one request in each interval, and a burst after a pause.
///
/// This is the generic cell rate algorithm (ITU-T I.371): the state of a client is the time at which its bucket will be full
/// again. The table has a fixed size. Clients are assigned to sets of eight by a hash with a random seed. A full set evicts the
/// client with the fullest bucket: a flood of addresses can make the program forget one that sends too much, but never refuse
/// one that does not.
public final class RateLimiter: Sendable {
    private struct Cell {
        /// The hash of the client's name; 0 for an empty cell.
        var client: UInt64 = 0
        /// The time at which the bucket is full, in nanoseconds.
        var fullAt: UInt64 = 0
    }

    private static let ways = 8
    private static let sets = 512

    private let interval: UInt64
    private let tolerance: UInt64
    private let cells: Mutex<[Cell]>

    /// - Parameters:
    ///   - interval: nanoseconds for each request, 1 or more.
    ///   - burst: requests at once, 1 or more.
    public init(interval: UInt64, burst: Int) {
        self.interval = max(1, interval)
        tolerance = self.interval * UInt64(max(1, burst) - 1)
        cells = Mutex(Array(repeating: Cell(), count: Self.sets * Self.ways))
    }

    /// - Parameters:
    ///   - rate: requests per second, 1 or more.
    ///   - burst: requests at once, 1 or more.
    public convenience init(rate: Int, burst: Int) {
        self.init(interval: 1_000_000_000 / UInt64(max(1, rate)), burst: burst)
    }

    /// Counts a request of a client.
    ///
    /// - Parameters:
    ///   - client: an address, or another name.
    ///   - now: nanoseconds of a clock that never goes back.
    /// - Returns: nil for a permitted request, else the time until the next permitted one in seconds.
    public func refusal(_ client: String, now: UInt64) -> Int? { refusal(client, now: now, counts: true) }

    /// What ``refusal(_:now:)`` would return, without counting a request.
    public func wait(_ client: String, now: UInt64) -> Int? { refusal(client, now: now, counts: false) }

    private func refusal(_ client: String, now: UInt64, counts: Bool) -> Int? {
        var hasher = Hasher()
        hasher.combine(client)
        let hash = UInt64(bitPattern: Int64(hasher.finalize())) | 1
        let first = Int((hash >> 1) % UInt64(Self.sets)) * Self.ways
        return cells.withLock { cells in
            let set = first..<first + Self.ways
            let known = set.first { cells[$0].client == hash }
            let fullAt = max(known.map { cells[$0].fullAt } ?? now, now)
            guard fullAt - now <= tolerance else { return Self.seconds(fullAt - now - tolerance) }
            if counts { cells[known ?? Self.victim(cells, set)] = Cell(client: hash, fullAt: fullAt + interval) }
            return nil
        }
    }

    private static func victim(_ cells: [Cell], _ set: Range<Int>) -> Int {
        set.dropFirst().reduce(set.lowerBound) { cells[$1].fullAt < cells[$0].fullAt ? $1 : $0 }
    }

    private static func seconds(_ nanoseconds: UInt64) -> Int {
        max(1, Int((nanoseconds + 999_999_999) / 1_000_000_000))
    }
}
