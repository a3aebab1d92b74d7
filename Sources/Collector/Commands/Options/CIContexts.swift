import ArgumentParser
import Shared

/// The list of required contexts, as it is typed.
enum CIContexts {
    static let limit = 100

    /// The contexts of one value: separated by commas, but for those in parentheses, since jobs of a matrix have such names
    /// (`build (ubuntu, 3.11)`), and those behind a backslash.
    ///
    /// - Throws: where the list is given, and empty.
    static func parse(_ text: String) throws -> [String] {
        var names: [String] = []
        var name = ""
        var depth = 0
        var isEscaped = false
        for character in text {
            if isEscaped {
                name.append(character)
                isEscaped = false
                continue
            }
            switch character {
            case "\\": isEscaped = true
            case "," where depth == 0:
                names.append(name)
                name = ""
            default:
                if character == "(" { depth += 1 }
                if character == ")" { depth = max(0, depth - 1) }
                name.append(character)
            }
        }
        names.append(name)
        let given = names.map(Self.trimmed).filter { !$0.isEmpty }
        guard !given.isEmpty else {
            throw ValidationError("'\(text)' names no context: an empty list would be green at once")
        }
        if let bad = given.first(where: { $0.utf8.count > 512 || $0.unicodeScalars.contains(where: isControl) }) {
            throw ValidationError("'\(Sanitizer.singleLine(bad, limit: 60))' is no context's name")
        }
        return given
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.generalCategory == .control }

    private static func trimmed(_ text: String) -> String {
        let start = text.drop { $0.isWhitespace }
        guard let end = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...end])
    }
}
