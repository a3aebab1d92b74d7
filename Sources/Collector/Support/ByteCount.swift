/// A number of bytes as people read it: `512 B`, `12.3 KB`, `228.5 MB`; powers of 1,000.
package struct ByteCount: CustomStringConvertible {
    package let bytes: Int

    package init(_ bytes: Int) {
        self.bytes = bytes
    }

    package var description: String {
        var value = Double(bytes)
        var units = ["B", "KB", "MB", "GB", "TB"][...]
        while value >= 999.95, units.count > 1 {
            value /= 1_000
            units = units.dropFirst()
        }
        let unit = units.first ?? "B"
        return unit == "B" ? "\(bytes) B" : "\((value * 10).rounded() / 10) \(unit)"
    }
}
