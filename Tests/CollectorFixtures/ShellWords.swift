/// A command as a POSIX shell divides it: an independent reading, for tests.
struct ShellWords: Equatable {
    /// The words of each simple command.
    var commands: [[String]] = [[]]
    /// True if a character outside quotes could expand, redirect, or join commands in another way than `&&`.
    var isUnsafe = false

    init(_ line: String) {
        var word: String?
        var isQuoted = false
        var rest = line[...]
        func end(_ commands: inout [[String]]) {
            if let done = word { commands[commands.count - 1].append(done) }
            word = nil
        }
        while let character = rest.popFirst() {
            switch character {
            case "'": (isQuoted, word) = (!isQuoted, word ?? "")
            case _ where isQuoted: word = (word ?? "") + String(character)
            case "\\":
                if rest.isEmpty { isUnsafe = true }
                word = (word ?? "") + (rest.popFirst().map(String.init) ?? "")
            case " ": end(&commands)
            case "&":
                if word != nil || rest.popFirst() != "&" { isUnsafe = true }
                commands.append([])
            default:
                if !character.isASCII || "\"`$;|<>()*?[]{}!#~^=\n\t".contains(character) {
                    // Only this program's own `--scale NAME=2` has an equals sign.
                    if character != "=" || word == nil { isUnsafe = true }
                }
                word = (word ?? "") + String(character)
            }
        }
        end(&commands)
        if isQuoted { isUnsafe = true }
    }
}

/// Texts of hosts that must not become a part of a command.
enum HostileNames {
    static let all = [
        "a b", "it's", "$(touch pwned)", "`touch pwned`", "; touch pwned", "&& touch pwned", "| sh", "> pwned", "\"x\"",
        "'; touch pwned; '", "--privileged", "-rf", "-", "~root", "*", "café ☃", "a\nb", "a\u{202E}b", "", "  ", "\\",
        "a  b",
        "!!", "#x", "=ls", "{a,b}", "##[error]x", "::error::x", String(repeating: "a", count: 500),
    ]
}
