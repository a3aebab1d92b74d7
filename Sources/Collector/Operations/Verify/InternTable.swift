/// Values that many hosts report alike, so that a fleet shares them instead of keeping a copy for each host.
///
/// A fixed number of places, each for one text at a time: memory is bounded, and a text that lost its place is only made
/// again.
struct InternTable<Value: Sendable>: Sendable {
    private struct Entry {
        var text: String
        var value: Value
    }

    private var entries: [Entry?]

    /// Texts above this length, in bytes, are not kept.
    private static var longestText: Int { 512 }
    private static var places: Int { 256 }

    init() {
        entries = Array(repeating: nil, count: Self.places)
    }

    /// The value of a text: the one kept before, or a new one.
    mutating func value(
        _ text: JSONCursor.Text, _ make: (String) throws(UnusualInput) -> Value
    ) throws(UnusualInput) -> Value {
        guard text.bytes.count <= Self.longestText, !text.hasEscapes else { return try make(try text.string()) }
        let place = Self.place(of: text.bytes)
        if let entry = entries[place], Self.equals(entry.text, text.bytes) { return entry.value }
        let string = try text.string()
        let value = try make(string)
        entries[place] = Entry(text: string, value: value)
        return value
    }

    private static func equals(_ text: String, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard text.utf8.count == bytes.count else { return false }
        // Every kept text is native, so its bytes are contiguous.
        return text.utf8.withContiguousStorageIfAvailable { kept in
            for index in 0..<kept.count where kept[index] != bytes[index] { return false }
            return true
        } ?? false
    }

    /// FNV-1a.
    private static func place(of bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return Int(truncatingIfNeeded: (hash ^ hash >> 32) % UInt64(places))
    }
}
