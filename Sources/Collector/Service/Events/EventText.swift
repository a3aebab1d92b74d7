import Foundation
import NIOCore

/// One event as text of `text/event-stream`.
enum EventText {
    enum Kind: String {
        /// Every fleet, and every verification that is under way.
        case snapshot
        /// A fleet that changed.
        case fleet
        /// A verification that changed, began or ended.
        case verification
        /// The service works, and nothing else changed.
        case alive
        /// The client missed something: what it has must be loaded again.
        case reload
        /// The service ends.
        case shutdown
    }

    static func event(_ kind: Kind, number: UInt64? = nil, _ data: some Encodable) throws -> ByteBuffer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return event(kind, number: number, json: try encoder.encode(data))
    }

    /// - Parameters:
    ///   - retry: the milliseconds after which the client comes back.
    ///   - json: without line breaks, which would end the data.
    static func event(
        _ kind: Kind, number: UInt64? = nil, retry: Int? = nil, json: some Sequence<UInt8>
    ) -> ByteBuffer {
        var text = ByteBuffer()
        if let number { text.writeString("id: \(number)\n") }
        text.writeString("event: \(kind.rawValue)\n")
        if let retry { text.writeString("retry: \(retry)\n") }
        text.writeString("data: ")
        text.writeBytes(json)
        text.writeString("\n\n")
        return text
    }

    /// An event without a number, after a comment: `at` is the time of the service in milliseconds since 1970.
    static func alive(at wall: Date) throws -> ByteBuffer {
        var text = ByteBuffer(string: ": keep-alive\n\n")
        text.writeImmutableBuffer(try event(.alive, ["at": Int64(wall.timeIntervalSince1970 * 1_000)]))
        return text
    }
}
