/// A complete HTTP response of any status. Redirects are not followed.
package struct TransferResponse: Sendable, Hashable {
    package var status: Int
    package var headers: TransferHeaders
    /// The body as sent: no content coding is requested, and none is decoded.
    package var body: [UInt8]
    /// The expiry date of the peer's certificate, such as `2026-12-01 12:00:00 GMT`; nil if not requested, or without TLS.
    package var certificateEnd: String?
}

/// The response headers that were kept. Lookup by name ignores case.
package struct TransferHeaders: Sendable, Hashable {
    /// Names in lower case.
    private var values: [(name: String, value: String)] = []

    package init() {}

    package subscript(_ name: String) -> String? {
        if let exact = values.first(where: { $0.name == name }) { return exact.value }
        let lower = name.lowercased()
        return values.first { $0.name == lower }?.value
    }

    /// All headers, in order of first appearance.
    package var all: [(name: String, value: String)] { values }

    /// Keeps a header's value unless it already has one.
    mutating func keepFirst(_ value: String, named lowercasedName: String) {
        guard !values.contains(where: { $0.name == lowercasedName }) else { return }
        values.append((lowercasedName, value))
    }

    /// Appends to a header's list of values, separated by a comma.
    package mutating func append(_ value: String, named lowercasedName: String) {
        guard let index = values.firstIndex(where: { $0.name == lowercasedName }) else {
            values.append((lowercasedName, value))
            return
        }
        values[index].value += ", " + value
    }

    package mutating func removeAll() {
        values.removeAll(keepingCapacity: true)
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.values.elementsEqual(right.values, by: ==)
    }

    package func hash(into hasher: inout Hasher) {
        for (name, value) in values {
            hasher.combine(name)
            hasher.combine(value)
        }
    }
}
