package import FoundationEssentials

extension JSONEncoder {
    /// The encoder of every JSON output that people read too: indented, with sorted keys and plain slashes.
    package static var pretty: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return encoder
    }

    /// Encodes a value as text that ends in a newline.
    package static func prettyText(_ value: some Encodable) throws -> String {
        String(decoding: try pretty.encode(value), as: UTF8.self) + "\n"
    }
}

/// An optional that JSON always shows, as its value or as `null`. The synthesised coding would leave the key out.
@propertyWrapper
package struct ExplicitNull<Value: Codable & Hashable & Sendable>: Codable, Hashable, Sendable {
    package var wrappedValue: Value?

    package init(wrappedValue: Value?) {
        self.wrappedValue = wrappedValue
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        wrappedValue = container.decodeNil() ? nil : try container.decode(Value.self)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let wrappedValue { try container.encode(wrappedValue) } else { try container.encodeNil() }
    }
}
