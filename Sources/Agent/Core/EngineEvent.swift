import FoundationEssentials
import Shared

/// An event of a container or an image, from an engine's event stream.
///
/// An event only triggers a refresh: nothing in it is reported.
struct EngineEvent: Hashable, Sendable {
    /// True if a document can read differently after the event.
    let matters: Bool

    /// The event types that the agent requests, and the only ones it reacts to if a proxy ignores the filter.
    static let types = ["container", "image"]

    /// The actions that can change a container or an image: Docker's names and Podman's.
    ///
    /// `kill` is left out, since a signal that changes something is followed by `die`. `exec_…` and `top` are left out,
    /// since they change nothing and every health check causes three `exec_…` events. Source: moby,
    /// `api/types/events/events.go`; Podman, `libpod/events/config.go`. Podman's compatible endpoint filters by its own
    /// names and answers with Docker's.
    static let actions = [
        "create", "start", "restart", "stop", "die", "died", "oom", "pause", "unpause", "rename", "destroy", "remove",
        "cleanup", "restore", "health_status", "tag", "untag", "pull", "delete", "load", "loadfromarchive", "import",
        "build",
    ]

    /// The query that filters the stream by these types and actions, percent-encoded (RFC 3986, section 2.1).
    ///
    /// Values of one key are alternatives; all keys must match. If `health_status` is among the values, moby compares
    /// prefixes, so that `health_status: healthy` matches. Source: moby, `daemon/events/filter.go`; Podman,
    /// `libpod/events/filters.go`.
    static let query: String = {
        let set = { (values: [String]) in "{" + values.map { "\"\($0)\":true" }.joined(separator: ",") + "}" }
        let json = "{\"event\":\(set(actions)),\"type\":\(set(types))}"
        let digits = Array("0123456789ABCDEF".utf8)
        let encoded = json.utf8.flatMap { byte -> [UInt8] in
            byte.isASCIIAlphanumeric || byte == UInt8(ascii: "_")
                ? [byte] : [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
        return "filters=" + String(decoding: encoded, as: UTF8.self)
    }()

    init(type: String, action: String) {
        // An action can have a suffix, as in `health_status: healthy`.
        let verb = action.prefix { $0 != ":" }
        matters = Self.types.contains(type) && Self.actions.contains { $0 == verb }
    }
}

extension EngineEvent: Decodable {
    private enum CodingKeys: String, CodingKey {
        case type = "Type"
        case action = "Action"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            type: try container.decode(String.self, forKey: .type),
            action: try container.decode(String.self, forKey: .action))
    }
}

/// An incremental parser of an engine's event stream: one JSON object per line, in chunks of any size.
package struct EngineEventParser {
    /// The maximum size of one line in bytes: an event carries all labels of its container.
    static let lineLimit = 256 * 1_024

    private let lineLimit: Int
    private var line: [UInt8] = []
    private let decoder = JSONDecoder()

    package init() { self.init(lineLimit: Self.lineLimit) }

    init(lineLimit: Int) {
        self.lineLimit = lineLimit
    }

    /// Consumes bytes of the stream.
    ///
    /// - Returns: the number of completed events that matter.
    /// - Throws: ``EngineFailure`` if the bytes are not an event stream or a line is too long. The parser must not be used
    ///   afterwards.
    package mutating func countEvents(in bytes: [UInt8]) throws(EngineFailure) -> Int {
        try parse(bytes).count { $0.matters }
    }

    /// Generic only within the module, where the compiler specialises it.
    mutating func parse(_ bytes: some Collection<UInt8>) throws(EngineFailure) -> [EngineEvent] {
        var events: [EngineEvent] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            try extend(with: rest[..<end])
            rest = rest[rest.index(after: end)...]
            if let event = try finishLine() { events.append(event) }
        }
        try extend(with: rest)
        return events
    }

    private mutating func extend(with bytes: some Collection<UInt8>) throws(EngineFailure) {
        guard line.count + bytes.count <= lineLimit else {
            throw EngineFailure(.tooLarge, "an event of the engine is larger than \(lineLimit) bytes")
        }
        line.append(contentsOf: bytes)
    }

    /// Parses the completed line; returns nil for a blank one.
    private mutating func finishLine() throws(EngineFailure) -> EngineEvent? {
        defer { line.removeAll(keepingCapacity: line.capacity <= 8_192) }
        guard line.contains(where: { $0 > UInt8(ascii: " ") }) else { return nil }
        do {
            return try decoder.decode(EngineEvent.self, from: Data(line))
        } catch {
            // The decoder's own message would not help an operator.
            throw EngineFailure(.garbage, "the engine's event stream contains data that is not an event")
        }
    }
}
