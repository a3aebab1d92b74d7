import Shared

/// Foreign text as one word of a command for a POSIX shell (POSIX.1-2017, Shell Command Language, section 2.2.2).
///
/// Commands are only shown, never executed. They are copied by people, so no text of a host may end a word, begin another
/// command, be expanded, or be read as an option.
package enum ShellWord {
    /// The text as one word, in single quotes unless it is harmless without.
    ///
    /// For a list of names. A word of a command comes from ``argument(_:)``.
    package static func quoted(_ text: String) -> String {
        guard text.isEmpty || !text.utf8.allSatisfy(isHarmless) else { return text }
        return "'\(text.replacing("'", with: #"'\''"#))'"
    }

    /// The text as an argument of a command; nil if a command could not contain it as it is: empty, read as an option, or
    /// changed by the sanitiser (control characters, two blanks in a row).
    static func argument(_ text: String) -> String? {
        guard !text.isEmpty, !text.hasPrefix("-"), Sanitizer.singleLine(text) == text else { return nil }
        return quoted(text)
    }

    /// True for bytes that no shell treats specially anywhere in a word. `=`, `~` and `^` are missing: zsh expands them.
    private static func isHarmless(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"),
            UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "@"), UInt8(ascii: "+"), UInt8(ascii: ","),
            UInt8(ascii: "%"):
            true
        default: false
        }
    }
}
