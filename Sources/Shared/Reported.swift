/// A value as somebody else reported it: usable, plainly unknown (JSON `null`), or text that is no such value.
///
/// Decoding never fails on a string or a `null`, so that what was reported can be shown to a person; only ``value`` takes
/// part in a comparison. Encoding writes an unusable text as `null`, because this project never passes one on, unless the
/// encoder is told to keep it (``Swift/CodingUserInfoKey/keepsUnusableText``).
public enum Reported<Value: WireString>: Hashable, Sendable {
    case known(Value)
    case absent
    case unusable(String)

    /// The usable value, or nil.
    public var value: Value? {
        if case .known(let value) = self { value } else { nil }
    }

    public init(_ value: Value?) {
        self = value.map(Reported.known) ?? .absent
    }

    /// Reads a text: a usable value, or what it is instead.
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
    /// Set to true on an encoder, unusable texts are written as they came: for a record of what was said.
    public static let keepsUnusableText = CodingUserInfoKey(rawValue: "buildinfo.keepsUnusableText")
}

/// A type that the contract writes as a string.
public protocol WireString: Hashable, Sendable {
    /// Reads what ``contractText`` wrote; nil for anything that is no such value.
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

/// Strict coding of a bare value: a text that is no such value is a decoding error.
extension WireString {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let parsed = Self(contractText: text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "'\(Sanitizer.singleLine(text, limit: 80))' is no \(Self.self)")
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
