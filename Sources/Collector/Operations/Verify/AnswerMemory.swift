import Synchronization
import Transfer
import Verdict

/// Reads the answers of a fleet's hosts, and recognises a document that says the same as the host's last one.
///
/// For each host it keeps a hash of the last document's bytes, not the document.
final class AnswerMemory: Sendable {
    private let decoder = ResponseDecoder()
    /// By the host's index; nil unless the host's last answer was an ordinary document.
    private let layouts: Mutex<[DocumentLayout?]>
    private let key: UInt64

    /// - Parameters:
    ///   - hosts: the number of hosts. Answers of other hosts are read without memory.
    ///   - key: unguessable, so that no host can make two documents with the same hash.
    init(hosts: Int, key: UInt64 = .random(in: .min ... .max)) {
        layouts = Mutex(Array(repeating: nil, count: hosts))
        self.key = key
    }

    /// Reads an answer as ``ResponseDecoder/read(status:headers:body:)`` does, or as `.repeated` if its body equals the host's
    /// last document except for clock fields and nonce.
    ///
    /// The latency of a probe that succeeded and the agent's uptime are clock fields, too. They decide nothing, and a repeated
    /// document keeps those of the last one. A host's answers must be read one after another.
    func read(status: Int, headers: TransferHeaders, body: [UInt8], host: Int) -> Sample.Answer {
        let last = layouts.withLock { $0.indices.contains(host) ? $0[host] : nil }
        if status == 200, let last, var repeated = last.repetition(in: body, key: key) {
            repeated.ageSeconds = max(repeated.ageSeconds, StoredAnswer.age(headers))
            return .repeated(repeated)
        }
        let (answer, located) = decoder.locate(status: status, headers: headers, body: body)
        var layout: DocumentLayout?
        if case .document = answer, let located { layout = DocumentLayout(located.places, in: body, key: key) }
        // A host that never sends documents costs no lock.
        if last != nil || layout != nil { keep(layout, of: host) }
        return answer
    }

    /// Forgets a host's last document, so that its next answer is read as a whole. Required after a request without a
    /// response.
    func forget(host: Int) { keep(nil, of: host) }

    private func keep(_ layout: DocumentLayout?, of host: Int) {
        layouts.withLock { layouts in
            if layouts.indices.contains(host) { layouts[host] = layout }
        }
    }
}

/// The bytes of a document around its clock fields and nonce: their lengths and their hash.
///
/// Two bodies with the same layout are the same JSON except for these values.
struct DocumentLayout: Hashable, Sendable {
    /// The values that may change, by the member's path.
    enum Place: UInt8, Sendable {
        case nonce, age, observedAt, latency, uptime
    }

    /// The most places of one document.
    private static let limit = 5

    /// The kinds of the values in the order of the body, three bits each, the first one lowest.
    private let order: UInt16
    private let count: UInt8
    /// The numbers of bytes before the first value, between values, and after the last one.
    private let gaps: SIMD8<UInt32>
    /// A keyed hash of these bytes.
    private let hash: Int

    /// - Parameter places: the ranges of the values in the body, in any order; nil without an age, a time and a nonce, or if a
    ///   value is not of the form that ``repetition(in:key:)`` reads.
    init?(_ places: [(place: Place, range: Range<Int>)], in body: [UInt8], key: UInt64) {
        let sorted = places.sorted { $0.range.lowerBound < $1.range.lowerBound }
        guard sorted.count <= Self.limit, body.count <= Int(UInt32.max),
            [.nonce, .age, .observedAt].allSatisfy({ place in places.contains { $0.place == place } })
        else { return nil }
        var gaps = SIMD8<UInt32>()
        var order: UInt16 = 0
        var hasher = Self.hasher(key)
        var end = 0
        for (index, value) in sorted.enumerated() {
            gaps[index] = UInt32(value.range.lowerBound - end)
            order |= UInt16(value.place.rawValue) << (3 * UInt16(index))
            Self.feed(body, end..<value.range.lowerBound, &hasher)
            end = value.range.upperBound
        }
        gaps[sorted.count] = UInt32(body.count - end)
        Self.feed(body, end..<body.count, &hasher)
        self.gaps = gaps
        self.order = order
        count = UInt8(sorted.count)
        hash = hasher.finalize()
        guard repetition(in: body, key: key) != nil else { return nil }
    }

    /// The changed values if a body is this document again; nil for any other body.
    ///
    /// - Parameter key: that of the document.
    func repetition(in body: [UInt8], key: UInt64) -> RepeatedDocument? {
        body.withUnsafeBufferPointer { bytes in
            do { return try repetition(in: bytes, key: key) } catch { return nil }
        }
    }

    private func repetition(
        in bytes: UnsafeBufferPointer<UInt8>, key: UInt64
    ) throws(UnusualInput) -> RepeatedDocument? {
        var hasher = Self.hasher(key)
        var cursor = JSONCursor(bytes)
        var repeated = RepeatedDocument(nonce: nil, ageSeconds: 0, observedAt: "")
        for index in 0..<Int(count) {
            try cursor.skip(Int(gaps[index]), &hasher)
            switch Place(rawValue: UInt8(order >> (3 * UInt16(index)) & 7)) {
            case .nonce?: repeated.nonce = try cursor.plainString()
            case .age?: repeated.ageSeconds = try cursor.double()
            case .observedAt?: repeated.observedAt = try cursor.plainString()
            case .latency?, .uptime?: _ = try cursor.double()
            case nil: throw UnusualInput()
            }
        }
        let rest = Int(gaps[Int(count)])
        guard bytes.count - cursor.offset == rest else { return nil }
        try cursor.skip(rest, &hasher)
        return hasher.finalize() == hash ? repeated : nil
    }

    private static func hasher(_ key: UInt64) -> Hasher {
        var hasher = Hasher()
        hasher.combine(key)
        return hasher
    }

    private static func feed(_ body: [UInt8], _ range: Range<Int>, _ hasher: inout Hasher) {
        body.withUnsafeBytes { hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: $0[range])) }
    }
}

extension JSONCursor {
    /// Skips bytes and feeds them to a hash.
    fileprivate mutating func skip(_ count: Int, _ hasher: inout Hasher) throws(UnusualInput) {
        hasher.combine(bytes: UnsafeRawBufferPointer(try take(count)))
    }

    /// A string without escapes, in ASCII.
    fileprivate mutating func plainString() throws(UnusualInput) -> String {
        let text = try text()
        guard text.isASCII, !text.hasEscapes else { throw UnusualInput() }
        return try text.string()
    }
}
