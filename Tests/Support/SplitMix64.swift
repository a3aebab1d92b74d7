/// A small seeded generator, so that a test can be repeated from its seed.
public struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) {
        state = seed
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A number in a closed range.
    public mutating func pick(_ low: Int, _ high: Int) -> Int {
        low + Int(truncatingIfNeeded: next() % UInt64(high - low + 1))
    }

    /// True in `percent` of 100 cases.
    public mutating func chance(_ percent: Int) -> Bool { pick(0, 99) < percent }

    public mutating func pick<Value>(from values: [Value]) -> Value { values[pick(0, values.count - 1)] }
}
