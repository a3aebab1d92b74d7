/// A duration as evidence writes it: a whole number of nanoseconds, so that it comes back as it was.
package struct Nanoseconds: Codable, Hashable, Sendable {
    package var duration: Duration

    init(_ duration: Duration) {
        self.duration = duration
    }

    package init(from decoder: any Decoder) throws {
        duration = .nanoseconds(try decoder.singleValueContainer().decode(Int64.self))
    }

    package func encode(to encoder: any Encoder) throws {
        let (seconds, attoseconds) = duration.components
        var container = encoder.singleValueContainer()
        try container.encode(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
