/// Where something stands in an inventory: a line of a source, or a `--host`.
struct InventoryPlace: Hashable, Sendable, CustomStringConvertible {
    /// Clean text: a source's name, or `--host NAME`.
    var source: String
    /// 1 is the first; nil for a `--host`, and for what concerns the whole source.
    var line: Int?

    var description: String { line.map { "\(source):\($0)" } ?? source }
}
