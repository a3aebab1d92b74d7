/// The few response headers that were kept: the first value of each, found by name whatever its case.
package struct TransferHeaders: Sendable, Hashable {
    /// Names in lower case.
    private var values: [(name: String, value: String)] = []

    package init() {}

    package subscript(_ name: String) -> String? {
        if let exact = values.first(where: { $0.name == name }) { return exact.value }
        let lower = name.lowercased()
        return values.first { $0.name == lower }?.value
    }

    /// All of them, in the order in which they came first.
    package var all: [(name: String, value: String)] { values }

    /// Keeps `value` unless there is one already.
    mutating func keepFirst(_ value: String, named lowercasedName: String) {
        guard !values.contains(where: { $0.name == lowercasedName }) else { return }
        values.append((lowercasedName, value))
    }

    /// Appends `value` to the list that is there, behind a comma.
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
