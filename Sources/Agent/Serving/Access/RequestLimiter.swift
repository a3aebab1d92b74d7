import NIOCore
import Synchronization

/// The rate limit for each address: a number of requests per second, and a burst after a pause.
///
/// Generic cell rate algorithm (ITU-T I.371): the state of an address is the time at which its bucket will be full again. The
/// table has a fixed size. Addresses are assigned to sets of eight by a hash with a random seed. A full set evicts the address
/// with the fullest bucket: a flood of addresses can make the agent forget one that sends too much, but never refuse one that
/// does not.
final class RequestLimiter: Sendable {
    private struct Cell {
        /// The hash of the address; 0 for an empty cell.
        var address: UInt64 = 0
        /// The time at which the bucket is full, in nanoseconds of the event loops' clock.
        var fullAt: UInt64 = 0
    }

    private static let ways = 8
    private static let sets = 512

    private let interval: UInt64
    private let tolerance: UInt64
    private let cells: Mutex<[Cell]>

    /// - Parameters:
    ///   - rate: requests per second, 1 or more.
    ///   - burst: requests at once, 1 or more.
    init(rate: Int, burst: Int) {
        interval = 1_000_000_000 / UInt64(max(1, rate))
        tolerance = interval * UInt64(max(1, burst) - 1)
        cells = Mutex(Array(repeating: Cell(), count: Self.sets * Self.ways))
    }

    /// Counts a request of an address.
    ///
    /// - Returns: nil for a permitted request, else the time until the next permitted one in seconds.
    func refusal(_ address: String, now: NIODeadline) -> Int? {
        var hasher = Hasher()
        hasher.combine(address)
        let hash = UInt64(bitPattern: Int64(hasher.finalize())) | 1
        let now = now.uptimeNanoseconds
        let first = Int((hash >> 1) % UInt64(Self.sets)) * Self.ways
        return cells.withLock { cells in
            let set = first..<first + Self.ways
            let index = set.first { cells[$0].address == hash } ?? Self.victim(cells, set)
            if cells[index].address != hash { cells[index] = Cell(address: hash, fullAt: now) }
            let fullAt = max(cells[index].fullAt, now)
            guard fullAt - now <= tolerance else { return Self.seconds(fullAt - now - tolerance) }
            cells[index].fullAt = fullAt + interval
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
