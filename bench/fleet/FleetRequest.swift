import Shared

/// The parts of an HTTP/1.1 request that the fleet needs.
struct FleetRequest {
    enum Kind: Sendable { case document, notFound, badNonce, badMethod, malformed }

    var kind = Kind.document
    var isHead = false
    /// The nonce as it appears in a JSON string; empty for none.
    var nonce: [UInt8] = []
    /// The nonce as it appears in a header; empty for none.
    var plainNonce: [UInt8] = []
    /// The value of `If-None-Match`; nil without one.
    var tag: [UInt8]?
    /// The seconds of `Prefer: wait`; nil without it.
    var wait: Int?
    var isLast = false

    /// The maximum size of a request's head in bytes.
    static let maximumSize = 16_384

    /// The number of bytes of the first request's head, with the empty line; nil if it is not complete.
    static func end(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard bytes.count >= 4 else { return nil }
        for index in 3..<bytes.count
        where bytes[index] == 0x0A && bytes[index - 2] == 0x0A && bytes[index - 1] == 0x0D && bytes[index - 3] == 0x0D {
            return index + 1
        }
        return nil
    }

    /// Parses a complete head.
    init(_ head: Slice<UnsafeRawBufferPointer>, service: [UInt8]) {
        var rest = head
        let line = Self.line(&rest)
        let words = line.split(separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count == 3, words[2].elementsEqual("HTTP/1.1".utf8) else {
            kind = .malformed
            isLast = true
            return
        }
        isHead = words[0].elementsEqual("HEAD".utf8)
        if !isHead, !words[0].elementsEqual("GET".utf8) {
            kind = .badMethod
            isLast = true
        }
        if kind == .document { read(target: words[1], service: service) }
        while case let field = Self.line(&rest), !field.isEmpty { read(field: field) }
        if tag == nil { wait = nil }
    }

    private static func line(_ rest: inout Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
        guard let end = rest.firstIndex(of: 0x0D) else {
            defer { rest = rest.suffix(0) }
            return rest
        }
        defer { rest = rest[min(end + 2, rest.endIndex)...] }
        return rest[..<end]
    }

    private mutating func read(target: Slice<UnsafeRawBufferPointer>, service: [UInt8]) {
        let path = target.prefix { $0 != UInt8(ascii: "?") }
        let name = "/buildinfo".utf8
        guard path.starts(with: name) else {
            kind = .notFound
            return
        }
        let suffix = path.dropFirst(name.count)
        guard suffix.isEmpty || (suffix.first == UInt8(ascii: "/") && suffix.dropFirst().elementsEqual(service)) else {
            kind = .notFound
            return
        }
        var query = target[path.endIndex...].dropFirst()
        let key = "nonce=".utf8
        while !query.isEmpty {
            let item = query.prefix { $0 != UInt8(ascii: "&") }
            if item.starts(with: key), !read(nonce: item.dropFirst(key.count)) { kind = .badNonce }
            query = query[item.endIndex...].dropFirst()
        }
    }

    /// Decodes the value of a query item; false if it is not 1 to 128 printable ASCII characters, once.
    private mutating func read(nonce text: Slice<UnsafeRawBufferPointer>) -> Bool {
        guard plainNonce.isEmpty, !text.isEmpty else { return false }
        plainNonce.reserveCapacity(text.count)
        var index = text.startIndex
        while index < text.endIndex {
            var byte = text[index]
            index += 1
            if byte == UInt8(ascii: "%") {
                guard index + 2 <= text.endIndex,
                    let value = UInt8(String(decoding: text[index..<(index + 2)], as: UTF8.self), radix: 16)
                else { return false }
                byte = value
                index += 2
            }
            guard (0x20...0x7E).contains(byte), plainNonce.count < BuildinfoProtocol.maximumNonceLength else {
                return false
            }
            plainNonce.append(byte)
        }
        let special = [UInt8(ascii: "\""), UInt8(ascii: "\\")]
        nonce =
            plainNonce.contains { special.contains($0) }
            ? plainNonce.flatMap { special.contains($0) ? [UInt8(ascii: "\\"), $0] : [$0] } : plainNonce
        return true
    }

    private mutating func read(field: Slice<UnsafeRawBufferPointer>) {
        // Other names have other lengths.
        let name = field.prefix { $0 != UInt8(ascii: ":") }
        guard [6, 10, 13].contains(name.count) else { return }
        let value = field[name.endIndex...].dropFirst().drop { $0 == UInt8(ascii: " ") }
        switch String(decoding: name, as: UTF8.self).lowercased() {
        case "if-none-match": tag = Array(value)
        case "prefer":
            guard value.starts(with: "wait=".utf8),
                let seconds = Int(String(decoding: value.dropFirst(5).prefix { (48...57).contains($0) }, as: UTF8.self))
            else { return }
            wait = min(seconds, BuildinfoProtocol.maximumWait)
        case "connection":
            if String(decoding: value, as: UTF8.self).lowercased() == "close" { isLast = true }
        default: break
        }
    }
}
