import AgentCore
import FoundationEssentials
import Shared

/// The message from the reader to the server: everything the reader knows, in one line of JSON.
///
/// Both are the same program on the same machine, so they share a clock and need no negotiation.
struct Snapshot: Codable, Hashable, Sendable {
    /// Differs between versions: after an upgrade the reader has to be restarted.
    static let schema = 2
    /// The maximum size of a line in bytes. A service with 256 instances takes about 200 KiB.
    static let sizeLimit = 8 * 1_024 * 1_024
    static let serviceLimit = 1_000

    /// One service's evidence.
    struct Service: Codable, Hashable, Sendable {
        var content: DocumentContent
        /// The start of the observation, in nanoseconds of ``Clock/bootNanoseconds``; nil before the first one.
        var startedAt: Int64?
        /// The time of the observation by the wall clock; for people.
        var observedAt: String
        /// The time until the probe's answer, in nanoseconds; nil without a probe.
        var probeLatency: Int64?
    }

    /// The only key that all versions have.
    private struct Version: Decodable { var schema: Int }

    /// The reader's counters, for the server's metrics.
    struct Counts: Codable, Hashable, Sendable {
        var scans = 0
        var scanFailures: [String: Int] = [:]
        var engineStreams: [String: Metrics.EngineStream] = [:]
    }

    var schema = Self.schema
    /// The services, in the order of their declaration.
    var services: [Service]
    var counts: Counts

    /// Captures the present documents.
    init(_ documents: DocumentStore, metrics: Metrics, clock: Clock) {
        let (now, nanoseconds, counted) = (clock.now(), clock.bootNanoseconds(), metrics.current)
        services = documents.entries.map { entry in
            Service(
                content: entry.body.content,
                // Rounded down, so that nothing appears younger than it is.
                startedAt: entry.startedAt.map { nanoseconds - (now - $0).nanosecondsRoundedUp },
                observedAt: entry.observedAt, probeLatency: entry.probeLatency?.nanosecondsRoundedUp)
        }
        counts = Counts(
            scans: counted.scans,
            scanFailures: Dictionary(
                uniqueKeysWithValues: counted.scanFailures.map { ($0.key.rawValue, $0.value) }),
            engineStreams: counted.engineStreams)
    }

    /// Parses a line.
    ///
    /// - Throws: ``ReaderFailure`` for an invalid line, or one of another version.
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

    /// The line including its newline.
    func line() throws -> [UInt8] {
        Array(try JSONEncoder().encode(self)) + [UInt8(ascii: "\n")]
    }
}
