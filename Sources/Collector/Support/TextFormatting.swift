import Shared

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

extension Duration {
    /// Seconds with three decimals, as every report and record has them.
    package var roundedSeconds: Double { (seconds * 1_000).rounded() / 1_000 }

    /// Seconds with one decimal, for a running display: `12.3s`.
    package var elapsedText: String { "\(Double(Int(seconds * 10)) / 10)s" }
}

extension String {
    /// The text without blanks, tabs and carriage returns at both ends.
    package func trimmingBlanks() -> String {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\r" }
        var rest = self[...].drop(while: isBlank)
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return String(rest)
    }
}
