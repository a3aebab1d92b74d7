import CollectorSupport

/// The bytes of JSON on one line, as `JSONEncoder` writes them with sorted keys and without escaped slashes.
struct JSONLine: Sendable {
    /// A number that JSON cannot express.
    struct NotFinite: Error {}

    var bytes: [UInt8] = []
    /// True at the start of an object or array.
    private var isFirst = true

    // MARK: - Structure

    mutating func object(_ members: (inout Self) throws -> Void) rethrows {
        open("{")
        try members(&self)
        close("}")
    }

    mutating func array<Element>(_ elements: [Element], _ write: (inout Self, Element) throws -> Void) rethrows {
        open("[")
        for element in elements {
            separate()
            try write(&self, element)
        }
        close("]")
    }

    /// Starts a member. Its value must follow; the caller keeps the keys sorted.
    mutating func key(_ name: StaticString) {
        separate()
        append("\"")
        append(name)
        append("\":")
    }

    /// Adds a member whose key is not known in advance.
    mutating func member(_ name: String, _ value: String) {
        separate()
        string(name)
        append(":")
        string(value)
    }

    private mutating func open(_ bracket: Unicode.Scalar) {
        bytes.append(UInt8(ascii: bracket))
        isFirst = true
    }

    private mutating func close(_ bracket: Unicode.Scalar) {
        bytes.append(UInt8(ascii: bracket))
        isFirst = false
    }

    private mutating func separate() {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
    }

    private mutating func append(_ text: StaticString) { bytes.append(text) }

    // MARK: - Values

    mutating func null() { append("null") }

    mutating func boolean(_ value: Bool) { append(value ? "true" : "false") }

    mutating func integer(_ value: some FixedWidthInteger & SignedInteger) { bytes.appendJSON(value) }

    mutating func number(_ value: Double) throws {
        guard value.isFinite else { throw NotFinite() }
        bytes.appendJSON(value)
    }

    mutating func string(_ text: String) { bytes.appendJSON(text) }
}
