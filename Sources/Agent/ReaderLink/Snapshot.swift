import AgentCore
import FoundationEssentials
import Shared

/// What the reader tells the front: all that it knows, in one line of JSON.
///
/// Both are the same program on the same machine, so times are those of one clock, and nothing is negotiated.
struct Snapshot: Codable, Hashable, Sendable {
    /// Another number is another program's version: the reader has to be restarted behind an upgrade.
    static let schema = 1
    /// Bytes of one line at most. A service with 256 instances takes some 200 KiB.
    static let sizeLimit = 8 * 1_024 * 1_024
    static let serviceLimit = 1_000

    /// One service's evidence.
    struct Service: Codable, Hashable, Sendable {
        var content: DocumentContent
        /// When the look began that saw this, in nanoseconds of ``Clock/bootNanoseconds``; nil before the first one.
        var lookedAt: Int64?
        /// The wall clock then, for people.
        var observedAt: String
        /// In nanoseconds; nil where the service has no probe.
        var probeLatency: Int64?
    }

    /// What any version's line has.
    private struct Version: Decodable { var schema: Int }

    /// What the reader counted, for the front's metrics.
    struct Counts: Codable, Hashable, Sendable {
        var looks = 0
        var lookFailures: [String: Int] = [:]
        var engineStreams: [String: Metrics.EngineStream] = [:]
    }

    var schema = Self.schema
    /// In the order in which they were declared.
    var services: [Service]
    var counts: Counts

    /// What the board says now.
    init(_ board: DocumentStore, metrics: Metrics, clock: Clock) {
        let (now, nanoseconds, counted) = (clock.now(), clock.bootNanoseconds(), metrics.current)
        services = board.entries.map { entry in
            Service(
                content: entry.body.content,
                // Rounded down, so that nothing is taken for younger than it is.
                lookedAt: entry.startedAt.map { nanoseconds - (now - $0).nanosecondsRoundedUp },
                observedAt: entry.observedAt, probeLatency: entry.probeLatency?.nanosecondsRoundedUp)
        }
        counts = Counts(
            looks: counted.looks,
            lookFailures: Dictionary(
                uniqueKeysWithValues: counted.lookFailures.map { ($0.key.rawValue, $0.value) }),
            engineStreams: counted.engineStreams)
    }

    /// Reads a line.
    ///
    /// - Throws: ``ReaderFailure`` where it is none, or one of another version.
    init(line: some Collection<UInt8>) throws(ReaderFailure) {
        let decoder = JSONDecoder()
        let data = Data(line)
        do {
            guard try decoder.decode(Version.self, from: data).schema == Self.schema else {
                throw ReaderFailure.otherVersion
            }
            self = try decoder.decode(Self.self, from: data)
        } catch let failure as ReaderFailure {
            throw failure
        } catch {
            throw .garbage
        }
        guard services.count <= Self.serviceLimit else { throw .garbage }
    }

    /// The line, with its end.
    func line() throws -> [UInt8] {
        Array(try JSONEncoder().encode(self)) + [UInt8(ascii: "\n")]
    }
}
