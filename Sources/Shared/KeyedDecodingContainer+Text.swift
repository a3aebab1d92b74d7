/// Values that the contract writes as strings, decoded from the string itself.
///
/// The synthesised coding asks for a container of its own for each of them. In a collector that reads ten thousand documents
/// a sweep, that is a third of the whole decoding (see bench/).
extension KeyedDecodingContainer {
    /// A value that may be `null`, or a text that is no such value; the key must be there.
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

    /// One of an enumeration's raw values, where the key is there and not `null`.
    func decodeCaseIfPresent<Value: RawRepresentable>(
        forKey key: Key
    ) throws -> Value? where Value.RawValue == String {
        guard let text = try decodeIfPresent(String.self, forKey: key) else { return nil }
        guard let value = Value(rawValue: text) else { throw unknown(text, forKey: key) }
        return value
    }

    /// A value that must be one.
    func decodeContractText<Value: WireString>(forKey key: Key) throws -> Value {
        let text = try decode(String.self, forKey: key)
        guard let value = Value(contractText: text) else { throw unknown(text, forKey: key) }
        return value
    }

    private func unknown(_ text: String, forKey key: Key) -> DecodingError {
        .dataCorruptedError(
            forKey: key, in: self, debugDescription: "'\(Sanitizer.singleLine(text, limit: 80))' is not known here")
    }
}
