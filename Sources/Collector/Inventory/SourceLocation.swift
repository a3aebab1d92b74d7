/// Where something stands in an inventory: a line of a source, or a `--host`.
package struct SourceLocation: Hashable, Sendable, CustomStringConvertible {
    /// Clean text: a source's name, or `--host NAME`.
    package var source: String
    /// 1 is the first; nil for a `--host`, and for what concerns the whole source.
    package var line: Int?

    package var description: String { line.map { "\(source):\($0)" } ?? source }
}
