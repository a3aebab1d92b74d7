extension [UInt8] {
    /// Appends a text as a JSON string: escaped as `JSONEncoder` does without escaped slashes.
    package mutating func appendJSON(_ text: String) {
        append(UInt8(ascii: "\""))
        // Native strings are contiguous; others take the slow way.
        if text.utf8.withContiguousStorageIfAvailable({ appendEscaped($0) }) == nil {
            Array(text.utf8).withUnsafeBufferPointer { appendEscaped($0) }
        }
        append(UInt8(ascii: "\""))
    }

    /// Appends a finite number without a fraction of zero, as `JSONEncoder` does. It is restored exactly.
    package mutating func appendJSON(_ number: Double) {
        if number == number.rounded(), abs(number) < 1e15, number != 0 || number.sign == .plus {
            appendJSON(Int64(number))
        } else {
            let text = number.description
            self += text.hasSuffix(".0") ? text.utf8.dropLast(2) : text.utf8[...]
        }
    }

    package mutating func appendJSON(_ number: some FixedWidthInteger & SignedInteger) {
        if number < 0 { append(UInt8(ascii: "-")) }
        var rest = number.magnitude
        let start = count
        repeat {
            append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        self[start...].reverse()
    }

    package mutating func append(_ text: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private mutating func appendEscaped(_ text: UnsafeBufferPointer<UInt8>) {
        var start = 0
        for index in text.indices where Self.isEscaped(text[index]) {
            append(contentsOf: text[start..<index])
            appendEscape(of: text[index])
            start = index + 1
        }
        append(contentsOf: text[start...])
    }

    private static func isEscaped(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func appendEscape(of byte: UInt8) {
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
                append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            }
        }
    }
}
