/// What the runners of pipelines take for commands in the output of a step, and how a text is kept from being one.
///
/// GitHub's runner takes a line that begins with `::` (after white space), or has `##[` anywhere (actions/runner,
/// `ActionCommand.TryParseV2` and `TryParse`), Gitea's and Forgejo's one that begins with either (act, `command.go`);
/// Azure's takes `##vso[`, TeamCity's `##teamcity[`. So a clean text has neither `::` at its beginning nor two number signs
/// in a row, wherever it is printed: by us, or by somebody's `jq -r` over a report.
enum LogCommand {
    /// - Parameter line: without white space at its beginning.
    static func isIn(_ line: some Collection<UInt8>) -> Bool {
        var last: UInt8?
        for byte in line {
            if byte == numberSign, last == numberSign { return true }
            last = byte
        }
        return line.first == colon && begins(line)
    }

    /// The text with `:\u{3a}` at its beginning and `#\u{23}` where it would be a command.
    static func defused(_ line: String) -> String {
        var result = ""
        var rest = line.unicodeScalars[...]
        if begins(line.utf8) {
            result = ":\\u{3a}"
            rest = rest.dropFirst(2)
        }
        for scalar in rest {
            if scalar == "#", result.unicodeScalars.last == "#" {
                result += "\\u{23}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Whether a line begins with `::` and is no IPv6 address, such as `::1`: no command's name is a number, or one's.
    private static func begins(_ line: some Collection<UInt8>) -> Bool {
        guard line.starts(with: [colon, colon]) else { return false }
        let word = line.dropFirst(2).prefix { $0 != UInt8(ascii: " ") }
        var last: UInt8?
        for byte in word {
            guard isOfAddress(byte), byte != colon || last != colon else { return true }
            last = byte
        }
        return word.isEmpty || last == colon
    }

    private static func isOfAddress(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: "."), colon:
            true
        default: false
        }
    }

    private static let colon = UInt8(ascii: ":")
    private static let numberSign = UInt8(ascii: "#")
}
