/// The bytes of JSON on one line, as `JSONEncoder` writes them with sorted keys and without escaped slashes.
struct JSONLine: Sendable {
    /// A number that JSON cannot express.
    struct NotFinite: Error {}

    var bytes: [UInt8] = []
    /// True at the start of an object or array.
    private var isFirst = true

    // MARK: - Structure

    mutating func object(_ members: (inout Self) throws -> Void) rethrows {
        open("{")
        try members(&self)
        close("}")
    }

    mutating func array<Element>(_ elements: [Element], _ write: (inout Self, Element) throws -> Void) rethrows {
        open("[")
        for element in elements {
            separate()
            try write(&self, element)
        }
        close("]")
    }

    /// Starts a member. Its value must follow; the caller keeps the keys sorted.
    mutating func key(_ name: StaticString) {
        separate()
        append("\"")
        append(name)
        append("\":")
    }

    /// Adds a member whose key is not known in advance.
    mutating func member(_ name: String, _ value: String) {
        separate()
        string(name)
        append(":")
        string(value)
    }

    private mutating func open(_ bracket: Unicode.Scalar) {
        bytes.append(UInt8(ascii: bracket))
        isFirst = true
    }

    private mutating func close(_ bracket: Unicode.Scalar) {
        bytes.append(UInt8(ascii: bracket))
        isFirst = false
    }

    private mutating func separate() {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
    }

    private mutating func append(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    // MARK: - Values

    mutating func null() { append("null") }

    mutating func boolean(_ value: Bool) { append(value ? "true" : "false") }

    mutating func integer(_ value: some FixedWidthInteger & SignedInteger) {
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        var rest = value.magnitude
        let start = bytes.count
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }

    mutating func number(_ value: Double) throws {
        guard value.isFinite else { throw NotFinite() }
        if value == value.rounded(), abs(value) < 1e15, value != 0 || value.sign == .plus {
            integer(Int64(value))
        } else {
            // As Swift describes it, which restores it exactly.
            let text = value.description
            bytes += text.hasSuffix(".0") ? text.utf8.dropLast(2) : text.utf8[...]
        }
    }

    mutating func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        // Native strings are contiguous; others take the slow way.
        if text.utf8.withContiguousStorageIfAvailable({ append($0) }) == nil {
            Array(text.utf8).withUnsafeBufferPointer { append($0) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Appends text, escaped.
    private mutating func append(_ text: UnsafeBufferPointer<UInt8>) {
        var start = 0
        for index in text.indices where Self.isEscaped(text[index]) {
            bytes.append(contentsOf: text[start..<index])
            escape(text[index])
            start = index + 1
        }
        bytes.append(contentsOf: text[start...])
    }

    private static func isEscaped(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): append("\\\"")
        case UInt8(ascii: "\\"): append("\\\\")
        case 0x08: append("\\b")
        case 0x09: append("\\t")
        case 0x0A: append("\\n")
        case 0x0C: append("\\f")
        case 0x0D: append("\\r")
        default:
            append("\\u00")
            for digit in [byte >> 4, byte & 0x0F] {
                bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            }
        }
    }
}
