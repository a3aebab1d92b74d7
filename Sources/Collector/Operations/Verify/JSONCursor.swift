/// The input is not of the ordinary form that the fast reader knows. `JSONDecoder` decides about it.
struct UnusualInput: Error {}

/// A position in the bytes of one JSON text.
///
/// Each method accepts a part of RFC 8259 that every parser reads alike, and throws ``UnusualInput`` for the rest: escapes
/// of surrogates, names of members with escapes, and anything that is not valid.
struct JSONCursor {
    /// The bytes of a name or of a string between its quotes.
    struct Text {
        let bytes: UnsafeBufferPointer<UInt8>
        let isASCII: Bool
        let hasEscapes: Bool
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    /// The number of bytes that were read.
    private(set) var offset = 0

    /// - Parameter bytes: valid as long as the cursor and the texts that it returns.
    init(_ bytes: UnsafeBufferPointer<UInt8>, offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    // MARK: - Structure

    mutating func skipSpace() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x0A, 0x0D, 0x09: offset += 1
            default: return
            }
        }
    }

    /// Reads one byte, after white space.
    mutating func expect(_ byte: Unicode.Scalar) throws(UnusualInput) {
        skipSpace()
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: byte) else { throw UnusualInput() }
        offset += 1
    }

    /// Throws unless nothing but white space is left.
    mutating func end() throws(UnusualInput) {
        skipSpace()
        guard offset == bytes.count else { throw UnusualInput() }
    }

    /// Reads the next member's name and its colon; nil at the end of the object. The value follows.
    mutating func nextName(_ isFirst: inout Bool) throws(UnusualInput) -> Text? {
        guard try advance(to: "}", &isFirst) else { return nil }
        let name = try text()
        guard name.isASCII, !name.hasEscapes else { throw UnusualInput() }
        try expect(":")
        skipSpace()
        return name
    }

    /// True if another element follows; false at the end of the array.
    mutating func nextElement(_ isFirst: inout Bool) throws(UnusualInput) -> Bool {
        guard try advance(to: "]", &isFirst) else { return false }
        skipSpace()
        return true
    }

    private mutating func advance(to end: Unicode.Scalar, _ isFirst: inout Bool) throws(UnusualInput) -> Bool {
        skipSpace()
        guard offset < bytes.count else { throw UnusualInput() }
        if bytes[offset] == UInt8(ascii: end) {
            offset += 1
            return false
        }
        if !isFirst { try expect(",") }
        isFirst = false
        return true
    }

    /// True after reading `null`.
    mutating func takeNull() throws(UnusualInput) -> Bool {
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: "n") else { return false }
        try word("null")
        return true
    }

    mutating func boolean() throws(UnusualInput) -> Bool {
        guard offset < bytes.count else { throw UnusualInput() }
        if bytes[offset] == UInt8(ascii: "t") {
            try word("true")
            return true
        }
        try word("false")
        return false
    }

    private mutating func word(_ word: StaticString) throws(UnusualInput) {
        let length = word.utf8CodeUnitCount
        guard bytes.count - offset >= length else { throw UnusualInput() }
        for index in 0..<length where bytes[offset + index] != word.utf8Start[index] { throw UnusualInput() }
        offset += length
    }

    /// Reads and checks one value of any type.
    mutating func skipValue(depth: Int = 16) throws(UnusualInput) {
        guard depth > 0, offset < bytes.count else { throw UnusualInput() }
        switch bytes[offset] {
        case UInt8(ascii: "{"):
            offset += 1
            var isFirst = true
            while try nextName(&isFirst) != nil { try skipValue(depth: depth - 1) }
        case UInt8(ascii: "["):
            offset += 1
            var isFirst = true
            while try nextElement(&isFirst) { try skipValue(depth: depth - 1) }
        case UInt8(ascii: "\""):
            let text = try text()
            if !text.isASCII || text.hasEscapes { _ = try text.string() }
        case UInt8(ascii: "n"): try word("null")
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        default: _ = try number()
        }
    }

    /// The next bytes, whatever they are.
    mutating func take(_ count: Int) throws(UnusualInput) -> UnsafeBufferPointer<UInt8> {
        guard count <= bytes.count - offset else { throw UnusualInput() }
        defer { offset += count }
        return UnsafeBufferPointer(rebasing: bytes[offset..<offset + count])
    }

    // MARK: - Strings

    /// Reads a string; its escapes and its UTF-8 are checked by ``Text/string()``.
    mutating func text() throws(UnusualInput) -> Text {
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else { throw UnusualInput() }
        let start = offset + 1
        var index = start
        var all: UInt8 = 0
        var hasEscapes = false
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "\""):
                offset = index + 1
                return Text(
                    bytes: UnsafeBufferPointer(rebasing: bytes[start..<index]), isASCII: all < 0x80,
                    hasEscapes: hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                index += 2
            case 0..<0x20: throw UnusualInput()
            default:
                all |= byte
                index += 1
            }
        }
        throw UnusualInput()
    }

    // MARK: - Numbers

    /// A number between 0 and 18 digits of nines, without sign, fraction or exponent.
    mutating func integer() throws(UnusualInput) -> Int {
        let start = offset
        let number = try number()
        guard number.isWhole, number.digits <= 18, bytes[start] != UInt8(ascii: "-") else { throw UnusualInput() }
        return Int(number.mantissa)
    }

    /// A number of 0 or more: the `Double` that is nearest to it.
    mutating func double() throws(UnusualInput) -> Double {
        let start = offset
        let number = try number()
        guard bytes[start] != UInt8(ascii: "-") else { throw UnusualInput() }
        // Both are exact, so that the division rounds once, and correctly.
        if !number.hasExponent, number.digits <= 15 {
            return Double(number.mantissa) / Self.powers[number.places]
        }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        guard offset - start <= 40, let value = Double(text), value.isNormal else { throw UnusualInput() }
        return value
    }

    private struct Number {
        /// The digits without the point, up to 18 of them.
        var mantissa: UInt64 = 0
        var digits = 0
        /// The digits after the point.
        var places = 0
        var isWhole = true
        var hasExponent = false
    }

    /// 10 to the power of 0 to 15.
    private static let powers: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ]

    private mutating func number() throws(UnusualInput) -> Number {
        var number = Number()
        if offset < bytes.count, bytes[offset] == UInt8(ascii: "-") { offset += 1 }
        let start = offset
        try digits(&number)
        // No zero before other digits.
        guard bytes[start] != UInt8(ascii: "0") || offset == start + 1 else { throw UnusualInput() }
        if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
            offset += 1
            let before = number.digits
            try digits(&number)
            number.places = number.digits - before
            number.isWhole = false
        }
        if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
            offset += 1
            if offset < bytes.count, bytes[offset] == UInt8(ascii: "+") || bytes[offset] == UInt8(ascii: "-") {
                offset += 1
            }
            var exponent = Number()
            try digits(&exponent)
            number.isWhole = false
            number.hasExponent = true
        }
        return number
    }

    private mutating func digits(_ number: inout Number) throws(UnusualInput) {
        let start = offset
        while offset < bytes.count, bytes[offset].isDigit {
            if number.digits < 18 { number.mantissa = number.mantissa * 10 + UInt64(bytes[offset] - 0x30) }
            number.digits += 1
            offset += 1
        }
        guard offset > start else { throw UnusualInput() }
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { self >= 0x30 && self <= 0x39 }
}

extension JSONCursor.Text {
    /// True if the bytes are these.
    static func ~= (name: StaticString, text: Self) -> Bool {
        guard text.bytes.count == name.utf8CodeUnitCount else { return false }
        for index in 0..<text.bytes.count where text.bytes[index] != name.utf8Start[index] { return false }
        return true
    }

    /// The text; throws for invalid UTF-8 and escapes of surrogates.
    func string() throws(UnusualInput) -> String {
        if hasEscapes { return try unescaped() }
        if isASCII { return String(decoding: bytes, as: UTF8.self) }
        guard let string = String(validating: bytes, as: UTF8.self) else { throw UnusualInput() }
        return string
    }

    private func unescaped() throws(UnusualInput) -> String {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            guard byte == UInt8(ascii: "\\") else {
                result.append(byte)
                continue
            }
            guard index < bytes.count else { throw UnusualInput() }
            let escape = bytes[index]
            index += 1
            switch escape {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(escape)
            case UInt8(ascii: "b"): result.append(0x08)
            case UInt8(ascii: "f"): result.append(0x0C)
            case UInt8(ascii: "n"): result.append(0x0A)
            case UInt8(ascii: "r"): result.append(0x0D)
            case UInt8(ascii: "t"): result.append(0x09)
            case UInt8(ascii: "u"):
                guard bytes.count - index >= 4 else { throw UnusualInput() }
                var value: UInt32 = 0
                for place in index..<index + 4 {
                    guard let digit = Character(Unicode.Scalar(bytes[place])).hexDigitValue else {
                        throw UnusualInput()
                    }
                    value = value << 4 | UInt32(digit)
                }
                index += 4
                guard let scalar = Unicode.Scalar(value) else { throw UnusualInput() }
                result.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            default: throw UnusualInput()
            }
        }
        guard let string = String(validating: result, as: UTF8.self) else { throw UnusualInput() }
        return string
    }
}
