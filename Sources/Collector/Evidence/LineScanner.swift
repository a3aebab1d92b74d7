import Shared
import Verdict

/// Reads the lines that a large fleet has many of, at a small part of the cost of `JSONDecoder`.
///
/// It knows nothing but the form in which ``JSONLine`` writes them, and only accepts: whatever it returns, `JSONDecoder`
/// would return, too. For anything else it returns nil, and `JSONDecoder` decides.
struct LineScanner {
    private struct Unusual: Error {}

    private let bytes: UnsafeBufferPointer<UInt8>
    private var offset = 0

    /// - Parameter object: a JSON object without its closing brace.
    static func read(_ object: ArraySlice<UInt8>, documents: EvidenceReader.DocumentReading) -> EvidenceLine? {
        object.withUnsafeBufferPointer { bytes in
            var scanner = LineScanner(bytes: bytes)
            do {
                let line = try scanner.line(documents)
                return scanner.offset == bytes.count ? line : nil
            } catch {
                return nil
            }
        }
    }

    private init(bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    // MARK: - Lines

    private mutating func line(_ documents: EvidenceReader.DocumentReading) throws(Unusual) -> EvidenceLine {
        try expect("{\"kind\":\"")
        if take("sample\",\"answered_ns\":") { return .sample(try sample(documents)) }
        if take("status\",\"at_ns\":") { return .status(try status()) }
        if take("asked\",\"at_ns\":") {
            let moment = try time()
            try expect(",\"hosts\":[")
            var hosts: [Int] = []
            while !take("]") {
                if !hosts.isEmpty { try expect(",") }
                hosts.append(try integer())
            }
            return .asked(.init(at: moment, hosts: hosts))
        }
        if take("time\",\"at_ns\":") { return .time(.init(at: try time())) }
        try expect("paced\",\"at_ns\":")
        let moment = try time()
        try expect(",\"interval_ns\":")
        return .paced(.init(at: moment, interval: try time()))
    }

    private mutating func status() throws(Unusual) -> EvidenceLine.StatusChange {
        let moment = try time()
        try expect(",\"host\":")
        let host = try integer()
        try expect(",\"reason\":")
        let reason = try string()
        var code: HostReason.Code?
        if take(",\"reason_code\":") { code = try word() }
        try expect(",\"status\":")
        return .init(host: host, at: moment, status: try word(), code: code, reason: reason)
    }

    private mutating func sample(_ documents: EvidenceReader.DocumentReading) throws(Unusual) -> Sample {
        let answeredAt = try time().duration
        try expect(",\"asked_ns\":")
        let askedAt = try time().duration
        var answer: Sample.Answer?
        var detail: String?
        if take(",\"document\":") {
            answer = .document(try document(documents))
        } else if take(",\"detail\":") {
            detail = try string()
        }
        try expect(",\"host\":")
        let host = try integer()
        try expect(",\"nonce\":")
        let nonce = try string()
        if let detail {
            try expect(",\"reach\":")
            answer = .unusable(try word(), detail: detail)
        } else if answer == nil {
            try expect(",\"repeated\":{\"age_seconds\":")
            answer = .repeated(try repeated())
        }
        guard let answer else { throw Unusual() }
        return Sample(host: host, askedAt: askedAt, answeredAt: answeredAt, nonce: nonce, answer: answer)
    }

    private mutating func repeated() throws(Unusual) -> RepeatedDocument {
        let age = try number()
        var nonce: String?
        if take(",\"nonce\":") { nonce = try string() }
        try expect(",\"observed_at\":")
        let observedAt = try string()
        try expect("}")
        return RepeatedDocument(nonce: nonce, ageSeconds: age, observedAt: observedAt)
    }

    /// The document ends before the last `,"host":`, which is the sample's.
    private mutating func document(_ documents: EvidenceReader.DocumentReading) throws(Unusual) -> Document {
        let start = offset
        let next: StaticString = ",\"host\":"
        offset = bytes.count - next.utf8CodeUnitCount
        while offset > start {
            if isNext(next) {
                guard let document = documents(Array(bytes[start..<offset])) else { throw Unusual() }
                return document
            }
            offset -= 1
        }
        throw Unusual()
    }

    // MARK: - Values

    private func isNext(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard bytes.count - offset >= count else { return false }
        for index in 0..<count where bytes[offset + index] != text.utf8Start[index] { return false }
        return true
    }

    private mutating func take(_ text: StaticString) -> Bool {
        guard isNext(text) else { return false }
        offset += text.utf8CodeUnitCount
        return true
    }

    private mutating func expect(_ text: StaticString) throws(Unusual) {
        guard take(text) else { throw Unusual() }
    }

    /// Up to 18 digits. JSON has no zero before other digits.
    private mutating func digits() throws(Unusual) -> Int {
        let start = offset
        var value = 0
        while offset < bytes.count, case let digit = bytes[offset] &- UInt8(ascii: "0"), digit < 10 {
            guard offset - start < 18 else { throw Unusual() }
            value = value * 10 + Int(digit)
            offset += 1
        }
        guard offset > start else { throw Unusual() }
        return value
    }

    private mutating func integer() throws(Unusual) -> Int {
        let start = offset
        let value = try digits()
        guard bytes[start] != UInt8(ascii: "0") || offset == start + 1 else { throw Unusual() }
        // A fraction or an exponent may make it another whole number.
        guard
            offset == bytes.count || ![UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(bytes[offset])
        else { throw Unusual() }
        return value
    }

    private mutating func time() throws(Unusual) -> Nanoseconds { Nanoseconds(.nanoseconds(try integer())) }

    /// 10 to the power of 0 to 15.
    private static let powers: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ]

    /// Up to 15 digits, of which some may follow a point.
    private mutating func number() throws(Unusual) -> Double {
        let start = offset
        let whole = try digits()
        guard bytes[start] != UInt8(ascii: "0") || offset == start + 1, offset - start <= 15 else { throw Unusual() }
        guard take(".") else { return Double(whole) }
        let point = offset
        let fraction = try digits()
        let places = offset - point
        guard offset - start <= 16, let power = places < 16 ? Self.powers[places] : nil else { throw Unusual() }
        // Both are exact, so that the division rounds once, and correctly.
        return (Double(whole) * power + Double(fraction)) / power
    }

    /// A text without escapes.
    private mutating func string() throws(Unusual) -> String {
        try expect("\"")
        let start = offset
        var all: UInt8 = 0
        while offset < bytes.count {
            let byte = bytes[offset]
            guard byte != UInt8(ascii: "\"") else {
                let text = UnsafeBufferPointer(rebasing: bytes[start..<offset])
                offset += 1
                guard all >= 0x80 else { return String(decoding: text, as: UTF8.self) }
                guard let string = String(validating: text, as: UTF8.self) else { throw Unusual() }
                return string
            }
            guard byte >= 0x20, byte != UInt8(ascii: "\\") else { throw Unusual() }
            all |= byte
            offset += 1
        }
        throw Unusual()
    }

    /// One of an enumeration's words.
    private mutating func word<Value: RawRepresentable>() throws(Unusual) -> Value where Value.RawValue == String {
        guard let value = Value(rawValue: try string()) else { throw Unusual() }
        return value
    }
}
