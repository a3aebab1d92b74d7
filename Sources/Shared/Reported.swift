/// A value that another program reported: usable, unknown (JSON `null`), or text that cannot be parsed.
///
/// Decoding accepts every string and `null`, so reports can show unusable text; only ``value`` takes part in comparisons.
/// Encoding writes unusable text as `null`, so that it is never passed on, unless
/// ``Swift/CodingUserInfoKey/keepsUnusableText`` is set.
public enum Reported<Value: WireString>: Hashable, Sendable {
    case known(Value)
    case absent
    case unusable(String)

    /// The usable value; nil without one.
    public var value: Value? {
        if case .known(let value) = self { value } else { nil }
    }

    public init(_ value: Value?) {
        self = value.map(Reported.known) ?? .absent
    }

    /// Parses a text, and keeps it if it is unusable.
    init(contractText text: String) {
        self = Value(contractText: text).map(Reported.known) ?? .unusable(text)
    }
}

extension Reported: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .absent
            return
        }
        self.init(contractText: try container.decode(String.self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        let keepsText = CodingUserInfoKey.keepsUnusableText.map { encoder.userInfo[$0] as? Bool == true } ?? false
        switch self {
        case .known(let value): try container.encode(value.contractText)
        case .unusable(let text) where keepsText: try container.encode(text)
        case .unusable, .absent: try container.encodeNil()
        }
    }
}

extension CodingUserInfoKey {
    /// If true on an encoder, unusable texts are written as they were received; for recordings.
    public static let keepsUnusableText = CodingUserInfoKey(rawValue: "buildinfo.keepsUnusableText")
}

/// A type that is a string in the contract.
public protocol WireString: Hashable, Sendable {
    /// Parses ``contractText``; nil for any other text.
    init?(contractText: String)
    var contractText: String { get }
}

extension GitSHA: WireString {
    public init?(contractText: String) {
        guard let parsed = try? GitSHA(parsing: contractText) else { return nil }
        self = parsed
    }

    public var contractText: String { hex }
}

extension Digest: WireString {
    public init?(contractText: String) {
        guard let parsed = try? Digest(parsing: contractText) else { return nil }
        self = parsed
    }

    public var contractText: String { description }
}

/// Strict coding of a bare value: any other text is a decoding error.
extension WireString {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let parsed = Self(contractText: text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "'\(Sanitizer.singleLine(text, limit: 80))' is not a valid \(Self.self)")
        }
        self = parsed
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(contractText)
    }
}

extension GitSHA: Codable {}
extension Digest: Codable {}

/// Decoding of values that are strings in the contract, directly from the string.
///
/// Synthesised coding creates a container for each of them. In a collector that reads ten thousand documents per sweep, that
/// takes a third of the decoding time (see bench/).
extension KeyedDecodingContainer {
    /// A value, `null` or unusable text; the key is required.
    func decodeReported<Value: WireString>(forKey key: Key) throws -> Reported<Value> {
        if try decodeNil(forKey: key) { return .absent }
        return Reported(contractText: try decode(String.self, forKey: key))
    }

    /// One of an enumeration's raw values.
    func decodeCase<Value: RawRepresentable>(forKey key: Key) throws -> Value where Value.RawValue == String {
        let text = try decode(String.self, forKey: key)
        guard let value = Value(rawValue: text) else { throw unknown(text, forKey: key) }
        return value
    }

    /// One of an enumeration's raw values; nil without the key and for `null`.
    func decodeCaseIfPresent<Value: RawRepresentable>(
        forKey key: Key
    ) throws -> Value? where Value.RawValue == String {
        guard let text = try decodeIfPresent(String.self, forKey: key) else { return nil }
        guard let value = Value(rawValue: text) else { throw unknown(text, forKey: key) }
        return value
    }

    /// A usable value; the key is required.
    func decodeContractText<Value: WireString>(forKey key: Key) throws -> Value {
        let text = try decode(String.self, forKey: key)
        guard let value = Value(contractText: text) else { throw unknown(text, forKey: key) }
        return value
    }

    private func unknown(_ text: String, forKey key: Key) -> DecodingError {
        .dataCorruptedError(
            forKey: key, in: self, debugDescription: "'\(Sanitizer.singleLine(text, limit: 80))' is unknown")
    }
}
