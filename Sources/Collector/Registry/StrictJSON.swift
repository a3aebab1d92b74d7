/// Validates JSON before decoding, and rejects documents that different decoders read differently: all readers of a manifest
/// must see the same image.
///
/// Scans the bytes once, without recursion.
struct StrictJSON {
    /// The deepest nesting of objects and arrays.
    static let maximumDepth = 64

    enum ParseError: Error, Hashable {
        case malformed
        case tooDeep
        /// An object has a duplicate key.
        case duplicateKey(String)
    }

    private enum Expected { case value, firstValueOrEnd, firstKeyOrEnd, key, colon, commaOrEnd, end }

    private let bytes: [UInt8]
    private var position = 0
    /// The keys of each open object; nil for an open array.
    private var open: [Set<String>?] = []
    private var expected = Expected.value
    private var isTopLevelObject = false
    private var topLevelKeys: Set<String> = []

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// - Returns: the top level's keys in lower case, since Go's decoder, which most engines use, ignores case. They are also
    ///   unique in lower case.
    /// - Throws: ``ParseError``, also if the top level is not an object.
    static func keys(of bytes: [UInt8]) throws(ParseError) -> Set<String> {
        var scan = StrictJSON(bytes)
        try scan.run()
        guard scan.isTopLevelObject else { throw .malformed }
        return scan.topLevelKeys
    }

    private mutating func run() throws(ParseError) {
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"): position += 1
            case UInt8(ascii: "{"): try enter(object: true)
            case UInt8(ascii: "["): try enter(object: false)
            case UInt8(ascii: "}"): try leave(object: true)
            case UInt8(ascii: "]"): try leave(object: false)
            case UInt8(ascii: ":"):
                guard expected == .colon else { throw .malformed }
                expected = .value
                position += 1
            case UInt8(ascii: ","):
                guard expected == .commaOrEnd, let container = open.last else { throw .malformed }
                expected = container == nil ? .value : .key
                position += 1
            case UInt8(ascii: "\""): try takeString()
            default: try takeLiteral()
            }
        }
        guard expected == .end else { throw .malformed }
    }

    private mutating func enter(object: Bool) throws(ParseError) {
        guard expected == .value || expected == .firstValueOrEnd else { throw .malformed }
        guard open.count < Self.maximumDepth else { throw .tooDeep }
        if open.isEmpty { isTopLevelObject = object }
        open.append(object ? Set<String>() : nil)
        expected = object ? .firstKeyOrEnd : .firstValueOrEnd
        position += 1
    }

    private mutating func leave(object: Bool) throws(ParseError) {
        let first: Expected = object ? .firstKeyOrEnd : .firstValueOrEnd
        guard expected == .commaOrEnd || expected == first, let container = open.popLast(), (container != nil) == object
        else { throw .malformed }
        if open.isEmpty, let container { topLevelKeys = container }
        valueEnded()
        position += 1
    }

    private mutating func valueEnded() {
        expected = open.isEmpty ? .end : .commaOrEnd
    }

    private mutating func takeString() throws(ParseError) {
        switch expected {
        case .value, .firstValueOrEnd:
            _ = try string()
            valueEnded()
        case .key, .firstKeyOrEnd:
            let text = try string()
            let key = open.count == 1 ? text.lowercased() : text
            guard open[open.count - 1]?.insert(key).inserted == true else { throw .duplicateKey(text) }
            expected = .colon
        case .colon, .commaOrEnd, .end: throw .malformed
        }
    }

    /// Skips a number, `true`, `false` or `null`. The decoder checks which.
    private mutating func takeLiteral() throws(ParseError) {
        guard expected == .value || expected == .firstValueOrEnd else { throw .malformed }
        let start = position
        while position < bytes.count, Self.isLiteral(bytes[position]) { position += 1 }
        guard position > start else { throw .malformed }
        valueEnded()
    }

    private static func isLiteral(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "E"),
            UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    /// The text between quotes, unescaped: `"\u006dediaType"` is `mediaType`.
    private mutating func string() throws(ParseError) -> String {
        position += 1
        var text: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let valid = String(validating: text, as: UTF8.self) else { throw .malformed }
                return valid
            case UInt8(ascii: "\\"): text += try escape()
            case 0..<0x20: throw .malformed
            default: text.append(byte)
            }
        }
        throw .malformed
    }

    private mutating func escape() throws(ParseError) -> [UInt8] {
        guard position < bytes.count else { throw .malformed }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): return try unicodeEscape()
        default: throw .malformed
        }
    }

    private mutating func unicodeEscape() throws(ParseError) -> [UInt8] {
        var units = [try codeUnit()]
        if UTF16.isLeadSurrogate(units[0]) {
            // Decoders differ on a lone surrogate.
            guard bytes[position...].starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "u")]) else { throw .malformed }
            position += 2
            units.append(try codeUnit())
        }
        guard let text = String(validating: units, as: UTF16.self) else { throw .malformed }
        return Array(text.utf8)
    }

    private mutating func codeUnit() throws(ParseError) -> UInt16 {
        guard position + 4 <= bytes.count else { throw .malformed }
        let digits = bytes[position..<position + 4]
        guard digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw .malformed }
        position += 4
        return unit
    }
}
