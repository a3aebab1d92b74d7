import NIOCore
import Synchronization

/// How fast each address may ask: so many requests a second, and some more at once after a pause.
///
/// Generic cell rate algorithm (ITU-T I.371): for each address one time is kept, at which its bucket will be full again.
/// The table never grows. Addresses fall into sets of eight by a hash that is seeded anew in each process, and where a set
/// has no room, the address goes that is nearest to a full bucket: a flood of addresses makes the agent forget some that ask
/// too much, and never refuse one that does not.
final class RequestLimiter: Sendable {
    private struct Cell {
        /// A hash of the address; 0 for none.
        var address: UInt64 = 0
        /// Nanoseconds on the event loops' clock.
        var fullAt: UInt64 = 0
    }

    private static let ways = 8
    private static let sets = 512

    private let interval: UInt64
    private let tolerance: UInt64
    private let cells: Mutex<[Cell]>

    /// - Parameters:
    ///   - rate: requests a second, 1 or more.
    ///   - burst: requests at once, 1 or more.
    init(rate: Int, burst: Int) {
        interval = 1_000_000_000 / UInt64(max(1, rate))
        tolerance = interval * UInt64(max(1, burst) - 1)
        cells = Mutex(Array(repeating: Cell(), count: Self.sets * Self.ways))
    }

    /// How many bytes the table has, however many addresses ask.
    static var tableBytes: Int { sets * ways * MemoryLayout<Cell>.stride }

    /// Takes one request out of an address's bucket.
    ///
    /// - Returns: nil where it may be made, else in how many seconds the next one may.
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
