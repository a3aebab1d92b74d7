/// A small seeded generator, so that a schedule can be reproduced from its number.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A number in a closed range.
    mutating func pick(_ low: Int, _ high: Int) -> Int {
        low + Int(truncatingIfNeeded: next() % UInt64(high - low + 1))
    }

    /// True in `percent` of 100 cases.
    mutating func chance(_ percent: Int) -> Bool { pick(0, 99) < percent }

    mutating func pick<Value>(from values: [Value]) -> Value { values[pick(0, values.count - 1)] }
}
