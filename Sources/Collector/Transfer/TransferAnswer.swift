/// What has arrived of one answer, within limits.
struct TransferAnswer {
    private(set) var headers = TransferHeaders()
    private(set) var body: [UInt8] = []
    /// Why receiving was broken off.
    private(set) var objection: TransferFailure?
    /// Whether the blank line came that ends the headers. libcurl takes a head that just breaks off for a whole one.
    private(set) var isHeadComplete = false
    private var headerBytes = 0
    private var keptByWord = 0

    /// Takes one status line, header or trailer. False breaks the transfer off.
    mutating func receiveHeader(_ line: UnsafeRawBufferPointer, limits: TransferLimits) -> Bool {
        headerBytes += line.count
        guard headerBytes <= limits.headerBytes else {
            objection = .tooLarge("headers over \(limits.headerBytes) bytes")
            return false
        }
        if line.starts(with: "HTTP/".utf8) {
            // The status line of an interim answer (1xx) or of the final one: what stood before was another answer's.
            headers.removeAll()
            keptByWord = 0
            isHeadComplete = false
            return true
        }
        if line.count <= 2 {
            isHeadComplete = true
            return true
        }
        // Trailers must not add what the headers did not say.
        guard !isHeadComplete else { return true }
        guard let colon = line.firstIndex(of: 0x3A) else { return true }
        let name = line[..<colon]
        let known = limits.keptHeaders.first { Self.isSame(name, lowercased: $0) }
        guard let kept = known ?? byWord(name, limits: limits) else { return true }
        let value = Self.trimmed(line[(colon + 1)...])
        guard value.count <= limits.headerValueBytes else { return true }
        let text = String(decoding: value, as: UTF8.self)
        if known == nil || limits.listedHeaders.contains(kept) {
            headers.append(text, named: kept)
        } else {
            headers.keepFirst(text, named: kept)
        }
        return true
    }

    /// Takes a piece of the body. False breaks the transfer off.
    mutating func receiveBody(_ bytes: UnsafeRawBufferPointer, budget: ConnectionBudget) -> Bool {
        objection = budget.objection(toSize: body.count + bytes.count, addition: bytes.count)
        guard objection == nil else { return false }
        body.append(contentsOf: bytes)
        budget.arriving += bytes.count
        return true
    }

    /// The name in lower case where it is one that is kept by a word in it; nil for all others, and past their limit.
    private mutating func byWord(_ name: Slice<UnsafeRawBufferPointer>, limits: TransferLimits) -> String? {
        guard name.count >= limits.keptWord.utf8.count, name.count <= 64 else { return nil }
        let text = String(decoding: name, as: UTF8.self).lowercased()
        guard text.contains(limits.keptWord), keptByWord < limits.keptByWord else { return nil }
        keptByWord += 1
        return text
    }

    private static func isSame(_ name: Slice<UnsafeRawBufferPointer>, lowercased: String) -> Bool {
        let other = lowercased.utf8
        guard name.count == other.count else { return false }
        return zip(name, other).allSatisfy { byte, expected in
            (byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte) == expected
        }
    }

    private static func trimmed(_ value: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A }
        guard let first = value.firstIndex(where: { !isSpace($0) }), let last = value.lastIndex(where: { !isSpace($0) })
        else { return value[value.endIndex...] }
        return value[first...last]
    }
}
