import FoundationEssentials

/// Takes an event stream's bytes, however they are cut, and gives its events: one JSON object a line.
struct EngineEventParser {
    /// Bytes of one line at most: an event carries all labels of its container.
    static let lineLimit = 256 * 1_024

    private let lineLimit: Int
    private var line: [UInt8] = []
    private let decoder = JSONDecoder()

    init(lineLimit: Int = Self.lineLimit) {
        self.lineLimit = lineLimit
    }

    /// The events that these bytes complete.
    ///
    /// - Throws: ``EngineFailure`` where this is no event stream, or none that may be kept; the parser is of no use then.
    mutating func take(_ bytes: some Collection<UInt8>) throws(EngineFailure) -> [EngineEvent] {
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

    /// nil for a line without anything in it.
    private mutating func finishLine() throws(EngineFailure) -> EngineEvent? {
        defer { line.removeAll(keepingCapacity: line.capacity <= 8_192) }
        guard line.contains(where: { $0 > UInt8(ascii: " ") }) else { return nil }
        do {
            return try decoder.decode(EngineEvent.self, from: Data(line))
        } catch {
            // What is wrong with the bytes helps nobody; that they are no events does.
            throw EngineFailure(.garbage, "the engine's event stream holds what is no event")
        }
    }
}
