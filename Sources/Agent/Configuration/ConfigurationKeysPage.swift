import Shared

/// The table of keys as text: what `check --keys` prints, and a manual page is made from.
///
/// One paragraph a key: its path, then indented lines `type:`, `default:`, `flag:` (each only where there is one) and
/// `meaning:`; paragraphs are parted by an empty line.
enum ConfigurationKeysPage {
    static var text: String { ConfigurationKey.all.map(paragraph).joined(separator: "\n") }

    private static func paragraph(_ key: ConfigurationKey) -> String {
        var lines = [key.path, "    type: \(key.shape.name)"]
        if !key.standard.isEmpty { lines.append("    default: \(key.standard)") }
        if let flag = key.flag { lines.append("    flag: \(flag)") }
        lines.append("    meaning: \(key.meaning)")
        return lines.joined(separator: "\n") + "\n"
    }
}
