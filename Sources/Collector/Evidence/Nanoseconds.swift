/// A duration as evidence writes it: a whole number of nanoseconds, so that it comes back as it was.
struct Nanoseconds: Codable, Hashable, Sendable {
    var duration: Duration

    init(_ duration: Duration) {
        self.duration = duration
    }

    init(from decoder: any Decoder) throws {
        duration = .nanoseconds(try decoder.singleValueContainer().decode(Int64.self))
    }

    func encode(to encoder: any Encoder) throws {
        let (seconds, attoseconds) = duration.components
        var container = encoder.singleValueContainer()
        try container.encode(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
