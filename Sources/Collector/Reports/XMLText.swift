import Shared

/// Text for an XML 1.0 document.
enum XMLText {
    /// One line of somebody's text, for an element or a quoted attribute.
    ///
    /// Cleaned, since XML 1.0 forbids most control characters even as references (section 2.2), and with every character
    /// that means something written as a reference: `]]>` may not stand in an element, nor `<` in an attribute.
    static func line(_ text: String, limit: Int = 1_024) -> String {
        var result = ""
        for scalar in Sanitizer.singleLine(text, limit: limit).unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&apos;"
            // Every other that XML forbids (C0, surrogates, U+FFFE, U+FFFF) has been written out as text.
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// `name="value"`, with a blank before it.
    static func attribute(_ name: String, _ value: String) -> String { " \(name)=\"\(line(value))\"" }
}
