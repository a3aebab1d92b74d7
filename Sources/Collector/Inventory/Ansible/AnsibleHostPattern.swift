import CollectorSupport
import Shared

/// A host as Ansible writes it: a name or an address, with the port of SSH, and with ranges such as `canvas-[01:12]`.
enum AnsibleHostPattern {
    /// An upper bound on the hosts of one pattern.
    static let maximum = 100_000

    /// The names of a pattern, without the port.
    ///
    /// - Throws: a range that cannot be read, or has too many hosts.
    static func expand(_ pattern: String, _ place: SourceLocation) throws(InventoryError) -> [String] {
        let host = withoutPort(pattern)
        guard host.contains("[") else { return [host] }
        return try expandRanges(host, pattern, place)
    }

    /// `[2001:db8::1]:22` is an address in brackets, `[01:12].example` begins with a range.
    private static func withoutPort(_ pattern: String) -> String {
        if let parts = HostAddress.hostAndPort(pattern) {
            return parts.host.hasPrefix("[") ? String(parts.host.dropFirst().dropLast()) : parts.host
        }
        guard let colon = pattern.lastIndex(of: ":"), HostAddress.port(pattern[pattern.index(after: colon)...]) != nil
        else { return pattern }
        // Inside a range it belongs to the range.
        return pattern[colon...].contains("]") ? pattern : String(pattern[..<colon])
    }

    private static func expandRanges(
        _ text: String, _ pattern: String, _ place: SourceLocation
    ) throws(InventoryError) -> [String] {
        var names = [""]
        var rest = text[...]
        while let open = rest.firstIndex(of: "[") {
            guard let close = rest[open...].firstIndex(of: "]"),
                let values = values(rest[rest.index(after: open)..<close])
            else {
                throw .invalid(
                    place,
                    problem: "invalid range in '\(InventoryError.shown(pattern))': expected [BEGIN:END] or "
                        + "[BEGIN:END:STEP] with numbers or letters, such as [01:12]")
            }
            guard values.count * names.count <= maximum else {
                throw .invalid(
                    place,
                    problem: "'\(InventoryError.shown(pattern))' is more than \(maximum) hosts: use a smaller range")
            }
            let head = rest[..<open]
            names = names.flatMap { name in values.map { "\(name)\(head)\($0)" } }
            rest = rest[rest.index(after: close)...]
        }
        return names.map { $0 + rest }
    }

    /// The values of `BEGIN:END` or `BEGIN:END:STEP`; nil if it is neither.
    private static func values(_ range: Substring) -> [String]? {
        let bounds = range.split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(bounds.count) else { return nil }
        let step = bounds.count == 3 ? number(bounds[2]) : 1
        guard let step, step > 0 else { return nil }
        let begin = bounds[0].isEmpty ? "0" : bounds[0]
        let end = bounds[1]
        if let first = letter(begin), let last = letter(end) {
            return first <= last ? stride(from: first, through: last, by: step).map { String(letters[$0]) } : nil
        }
        guard let first = number(begin), let last = number(end), first <= last, (last - first) / step < maximum + 1
        else {
            return nil
        }
        // A leading zero asks for equal widths.
        let width = begin.hasPrefix("0") && begin.utf8.count > 1 ? begin.utf8.count : 0
        guard width == 0 || width == end.utf8.count else { return nil }
        return stride(from: first, through: last, by: step).map { value in
            let digits = "\(value)"
            return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
        }
    }

    private static let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

    private static func letter(_ text: Substring) -> Int? {
        guard text.count == 1, let character = text.first else { return nil }
        return letters.firstIndex(of: character)
    }

    private static func number(_ text: Substring) -> Int? {
        (1...9).contains(text.utf8.count) && text.utf8.allSatisfy(\.isASCIIDigit) ? Int(text) : nil
    }
}
