/// A place in a configuration file, as editors count: both from 1, columns in characters.
struct ConfigurationPosition: Hashable, Comparable, Sendable {
    var line: Int
    var column: Int

    static func < (left: Self, right: Self) -> Bool { (left.line, left.column) < (right.line, right.column) }
}
