import CollectorSupport
import Shared

/// Reads one host or URL a line; blank lines and what follows a `#` are for people.
struct LineInventory {
    let source: String

    func read(_ text: String) throws(InventoryError) -> ParsedInventory {
        var listing = ParsedInventory()
        var number = 0
        for line in text.utf8.split(separator: 10, omittingEmptySubsequences: false) {
            number += 1
            let place = SourceLocation(source: source, line: number)
            let content = Self.withoutComment(String(Substring(line))).trimmingBlanks()
            if content.isEmpty { continue }
            guard !content.contains(where: { $0 == " " || $0 == "\t" }) else {
                // A URL with a password and a stray blank must not show the password.
                if content.contains("@") {
                    throw .invalid(place, problem: HostAddress.ParseError.hasUser.message(about: content))
                }
                let shown = InventoryError.shown(content)
                throw .invalid(place, problem: "'\(shown)' is more than one word: write one host or URL a line")
            }
            listing.hosts.append(ListedHost(place: place, address: content))
        }
        return listing
    }

    /// A `#` opens a comment at the start and after a blank; elsewhere it is a URL's fragment, which is refused later.
    private static func withoutComment(_ line: String) -> String {
        var isAfterBlank = true
        for index in line.indices {
            if line[index] == "#", isAfterBlank { return String(line[..<index]) }
            isAfterBlank = line[index] == " " || line[index] == "\t"
        }
        return line
    }
}
